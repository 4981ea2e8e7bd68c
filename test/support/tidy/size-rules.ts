/**
 * How long files and functions may be, in src, tests, bench and bootstrap alike. What is longer is listed with its
 * reason; what is listed and short enough again has to leave the list. All rules are pure.
 */

import { isTypeScript, type ProjectFile, type Rule } from './project-file.ts';

const fileLinesMax = 300;
const functionLinesMax = 80;

/** Path, or path and function as `path#name` → why it is as long as it is. */
export type SizeExceptions = Readonly<Record<string, string>>;

/** Every function of a file's top level counts whole, with the closures in it. */
type SizedFunction = { name: string; lines: number };

const beginning =
  /^(?:export )?(?:default )?(?:async )?function\*? (\w+)|^(?:export )?const (\w+)(?:: [^=]+)? = (?:async )?(?:<[^>]+>)?\(/;

/** Relies on the formatter: a function that begins at the left margin ends there. */
function functionsOf({ text }: Pick<ProjectFile, 'text'>): SizedFunction[] {
  const lines = text.split('\n');
  return lines.flatMap((line, start) => {
    const [, declared, assigned] = beginning.exec(line) ?? [];
    const name = declared ?? assigned;
    if (name === undefined) return [];
    const end = lines.findIndex((other, index) => index > start && /^[})\]]+;?$/.test(other));
    const next = lines.findIndex((other, index) => index > start && /^[a-z/]/i.test(other));
    if (end === -1 || (next !== -1 && next < end)) return [];
    return [{ name, lines: end - start + 1 }];
  });
}

const lineCount = ({ text }: ProjectFile) => text.split('\n').length - 1;

export const checkSizes =
  (exceptions: SizeExceptions): Rule =>
  (files) => {
    const typed = files.filter(isTypeScript);
    const tooLong = new Map<string, string>();
    for (const file of typed) {
      if (lineCount(file) > fileLinesMax) tooLong.set(file.path, `${lineCount(file)} lines, more than ${fileLinesMax}`);
      for (const { name, lines } of functionsOf(file)) {
        if (lines > functionLinesMax) {
          tooLong.set(`${file.path}#${name}`, `${lines} lines, more than ${functionLinesMax} for a function`);
        }
      }
    }
    const unlisted = [...tooLong].filter(([place]) => !(place in exceptions));
    const needless = Object.keys(exceptions).filter((place) => !tooLong.has(place));
    return [
      ...unlisted.map(([place, sentence]) => `${place}: ${sentence}, and no reason is listed`),
      ...needless.map((place) => `${place}: listed as too long, and is not`),
    ];
  };
