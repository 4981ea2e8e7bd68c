/** Words that this project used to have for itself and that an engineer of the field would have to learn. Pure. */

import type { ProjectFile, Rule } from './project-file.ts';

/** Retired word → what to write instead. docs/glossary.md explains them. */
const retired: readonly (readonly [word: RegExp, instead: string])[] = [
  [/\bwish(es|ed|ing)?\b|(?<=[a-z])Wish(es)?(?![a-z])|\bWish(es)?(?![a-z])/, 'spec, request or desired state'],
  [/\brecipes?\b|(?<=[a-z])Recipes?(?![a-z])/i, 'container spec'],
  [/\btrails?\b|createTrail/, 'log lookup'],
  [/\bstrangers?\b/i, 'foreign, unknown'],
  [/\bdeaf\b|isDeaf/i, 'unresponsive'],
  [/\bpark(s|ed|ing)?\b/i, 'dead-letter'],
  [/doorbell/i, 'notification'],
  [/\bwordsOf\b|\bsay[A-Z]/, 'errorMessage, format…, describe…'],
];

/** In tests they may stand: many names of tests are sentences about people. */
const retiredOutsideTests: readonly (readonly [word: RegExp, instead: string])[] = [
  [/\b(told|tells?)\b/i, 'report, notify, say'],
  [/\b(whoever|nobody|somebody)\b/i, 'who it is: the manager, a reader, an operator'],
  [/\banew\b/i, 'again'],
  [/\bbeats?\b(?!\\n)/i, 'heartbeat'],
  [/\bmoments?\b(?!_)|[a-z]Moment|^\s*\* Owns |\/\*\* Owns /, 'point in time, time; a header says what a file does'],
];

/** The glossary names them, and the rule's own files do. */
const exempt = ['docs/glossary.md', 'test/support/tidy/word-rules.ts', 'test/tidy.test.ts'];

const isOurs = ({ path }: ProjectFile) =>
  /\.(ts|md|yaml)$|^(bootstrap\/[^.]+|coctl)$/.test(path) && !exempt.includes(path);

export const checkRetiredWords: Rule = (files) =>
  files.filter(isOurs).flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) =>
      [...retired, ...(path.startsWith('test/') ? [] : retiredOutsideTests)].flatMap(([word, instead]) => {
        const found = word.exec(line);
        return found ? [`${path}:${index + 1}: "${found[0]}": say ${instead}`] : [];
      }),
    ),
  );
