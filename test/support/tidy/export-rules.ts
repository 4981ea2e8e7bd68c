/** What a file exports is for others: a value that no other file takes stays in its file. Types may document a signature. Pure. */

import { posix } from 'node:path';
import { isTypeScript, type ProjectFile, type Rule } from './project-file.ts';

/** Takes the place of the package uvu when tests run, so nothing imports it by its path. */
const replacements: ReadonlySet<string> = new Set(['bootstrap/test-run/uvu-in-words.ts']);

/** Statements as the formatter writes them. A file that is imported as a whole, or by a call, is used altogether. */
function usesOf({ path, text }: ProjectFile): string[] {
  const target = (specifier: string) => posix.join(posix.dirname(path), specifier);
  const named = [...text.matchAll(/^(?:import|export) (?:type )?(?:\w+, )?\{([^}]*)\} from '(\.[^']+)'/gm)];
  const whole = [...text.matchAll(/(?:\bimport\(|\* as \w+ from |^export \* from )'(\.[^']+)'/gm)];
  return [
    ...named.flatMap(([, names, specifier]) =>
      names!.split(',').map(
        (name) =>
          `${target(specifier!)}#${
            name
              .trim()
              .replace(/^type /, '')
              .split(' as ')[0]
          }`,
      ),
    ),
    ...whole.map(([, specifier]) => target(specifier!)),
  ];
}

export const checkExports: Rule = (files) => {
  const typed = files.filter(isTypeScript);
  const used = new Set(typed.flatMap(usesOf));
  return typed
    .filter(({ path }) => !used.has(path) && !replacements.has(path))
    .flatMap(({ path, text }) =>
      Array.from(text.matchAll(/^export (?:async )?(?:const|let|function\*?|class) (\w+)/gm), ([, name]) => name!)
        .filter((name) => !used.has(`${path}#${name}`))
        .map((name) => `${path} exports ${name}, which no other file imports`),
    );
};
