/** The truth of what documents point at: files, commands, scripts. All rules are pure. */

import { posix } from 'node:path';
import type { ProjectFile, Rule } from './project-file.ts';

const isDocument = ({ path }: ProjectFile) => path.endsWith('.md');

/** Paths of files and of the folders they are in. */
function pathsOf(files: readonly ProjectFile[]): Set<string> {
  const paths = new Set<string>();
  for (const { path } of files) {
    for (let part = path; part !== '.'; part = posix.dirname(part)) paths.add(part);
  }
  return paths;
}

/** Links to elsewhere on the web, and to a place in the same document, are not followed. */
export const checkLinks: Rule = (files) => {
  const paths = pathsOf(files);
  return files.filter(isDocument).flatMap(({ path, text }) =>
    Array.from(withoutCode(text).matchAll(/\]\(([^)\s#]+)[^)]*\)/g), ([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !paths.has(posix.join(posix.dirname(path), target).replace(/\/$/, '')))
      .map((target) => `${path}: links to ${target}, which is not there`),
  );
};

/** Paths in code marks, as far as they begin in a folder of ours and hold no placeholder. */
export const checkMentions: Rule = (files) => {
  const paths = pathsOf(files);
  return files.filter(isDocument).flatMap(({ path, text }) =>
    Array.from(text.matchAll(/`(?:\.\/)?((?:src|test|bench|bootstrap|docs)\/[a-z0-9./-]+)`/g), ([, target]) => target!)
      .filter((target) => !paths.has(target.replace(/\/$/, '')))
      .map((target) => `${path}: mentions ${target}, which is not there`),
  );
};

/** Commands that a document gives: our own programs, and scripts of package.json. */
export const checkCommands: Rule = (files) => {
  const paths = pathsOf(files);
  const manifest = files.find(({ path }) => path === 'package.json')?.text ?? '{}';
  const scripts = new Set(Object.keys(JSON.parse(manifest).scripts ?? {}));
  return files.filter(isDocument).flatMap(({ path, text }) => {
    const code = codeOf(text);
    const programs = Array.from(
      code.matchAll(/(?:^|[\s`])(?:\.\/|node )([a-z][\w-]*\/[\w./-]+)/gm),
      ([, name]) => name!,
    );
    const named = Array.from(code.matchAll(/\bnpm run ([\w:-]+)/g), ([, name]) => name!);
    return [
      ...programs.filter((name) => !paths.has(name)).map((name) => `${path}: runs ${name}, which is not there`),
      ...named.filter((name) => !scripts.has(name)).map((name) => `${path}: npm run ${name}: no such script`),
    ];
  });
};

const fences = /^```.*\n[\s\S]*?^```$/gm;
const shellFences = /^```sh\n([\s\S]*?)^```$/gm;
const inlineCode = /`[^`\n]+`/g;

const withoutCode = (text: string) => text.replace(fences, '').replace(inlineCode, '');

function codeOf(text: string): string {
  const blocks = Array.from(text.matchAll(shellFences), ([, block]) => block!);
  const marked = text.replace(fences, '').match(inlineCode) ?? [];
  return [...blocks, ...marked].join('\n');
}
