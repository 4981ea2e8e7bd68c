/** How files are named, how they begin, and what they may not contain. All rules are pure. */

import { isSource, isTypeScript, type ProjectFile, type Rule } from './project-file.ts';

const lines = ({ text }: ProjectFile) => text.split('\n');
const isCode = (file: ProjectFile) => isTypeScript(file) || /^bootstrap\/[^.]*$/.test(file.path);

/** Words that say nothing about what is inside. */
export const checkEmptyNames: Rule = (files) =>
  files
    .filter(({ path }) =>
      path
        .replace(/\.[^/]*$/, '')
        .split(/[/-]/)
        .some((word) => /^(utils?|helpers?|commons?|libs?|misc)$/.test(word)),
    )
    .map(({ path }) => `${path}: a name that tells nothing`);

export const checkBarrels: Rule = (files) =>
  files.filter(({ path }) => /(^|\/)index\.[cm]?[jt]s$/.test(path)).map(({ path }) => `${path}: a file named index`);

/** Of the TypeScript files, and of the folders they are in. */
export const checkKebabCase: Rule = (files) =>
  files
    .filter(isTypeScript)
    .filter(({ path }) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.tsx?$/.test(path))
    .map(({ path }) => `${path}: not in kebab-case`);

/** A source file opens with a comment that says what it is responsible for. */
export const checkOpenings: Rule = (files) =>
  files
    .filter(isSource)
    .filter(({ text }) => !/^\/\*\*\s+(\* )?\w/.test(text))
    .map(({ path }) => `${path}: does not open with a comment that says what the file is responsible for`);

/** What is left to do names the thing it waits for, in brackets behind the word. */
export const checkOpenEnds: Rule = (files) =>
  files
    .filter(isCode)
    .flatMap((file) =>
      lines(file).flatMap((line, index) =>
        /\b(TODO|FIXME|XXX)\b(?!\([^)]+\))/.test(withoutStrings(line))
          ? [`${file.path}:${index + 1}: left open without a name`]
          : [],
      ),
    );

const withoutStrings = (line: string) => line.replace(/'[^']*'|`[^`]*`|\/[^/ ]+\/[a-z]*/g, '');

const isTest = ({ path }: ProjectFile) => /\.test\.ts$/.test(path);
const runs = (text: string) => /\.run\(\);?$/m.test(text);

/** uvu ends well for a file that runs nothing. A contract suite runs itself. */
export const checkTestsRun: Rule = (files) => {
  const contracts = files.filter(({ path, text }) => /-contract\.ts$/.test(path) && runs(text));
  const names = contracts.map(({ path }) => path.split('/').at(-1)!);
  return files
    .filter((file) => isTest(file) && !runs(file.text))
    .filter(({ text }) => !names.some((name) => text.includes(`/${name}'`)))
    .map(({ path }) => `${path}: its tests are never run`);
};

/** One test marked so keeps all its neighbours from running. */
export const checkOnly: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith('test/') && isTypeScript(file))
    .flatMap((file) =>
      lines(file).flatMap((line, index) =>
        /\.only\(/.test(withoutStrings(line)) ? [`${file.path}:${index + 1}: runs only this test`] : [],
      ),
    );

/** Time comes from the clock, so that tests can decide it. */
export const checkClock: Rule = (files) =>
  files
    .filter((file) => isSource(file) && file.path !== 'src/clock.ts')
    .flatMap((file) =>
      lines(file).flatMap((line, index) =>
        /\bperformance\.now\b|\bDate\.now\b|\bnew Date\(\)/.test(withoutStrings(line))
          ? [`${file.path}:${index + 1}: asks the machine for the time, not the clock`]
          : [],
      ),
    );
