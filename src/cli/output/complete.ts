/** What may come next on a command line: commands, options, their choices, and of which kind a name is. Pure. */

import type { Command, Option } from 'commander';

export type NameKind = 'service' | 'node' | 'container' | 'context';

export type Completion = {
  /** What the program knows by itself. */
  fixed: string[];
  /** What the cluster knows; contexts are this person's. */
  names: NameKind[];
  /** What is typed of it. */
  prefix: string;
};

/** @param words those after the program's name; the last one is unfinished, and may be empty */
export function complete(program: Command, words: readonly string[]): Completion {
  const prefix = words.at(-1) ?? '';
  let command = program;
  let pending: Option | null = null;
  let given = 0;
  for (const word of words.slice(0, -1)) {
    if (pending !== null) {
      pending = null;
      continue;
    }
    if (word.startsWith('-')) {
      const option = optionOf(command, word);
      pending = option && (option.required || option.optional) && !word.includes('=') ? option : null;
      continue;
    }
    const sub = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (sub) [command, given] = [sub, 0];
    else given += 1;
  }
  if (pending !== null) return { fixed: pending.argChoices ?? [], names: kindsIn(argumentOf(pending)), prefix };
  if (prefix.startsWith('-')) return { fixed: optionsOf(command), names: [], prefix };
  if (command.commands.length > 0) return { fixed: namesOf(command), names: [], prefix };
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[given] ?? (last?.variadic ? last : undefined);
  const kinds = argument ? kindsIn(argument.name()) : [];
  return { fixed: argument?.argChoices ?? [], names: kinds, prefix };
}

const namesOf = ({ commands }: Command) => commands.map((command) => command.name());

const optionOf = (command: Command, word: string) => {
  const [name] = word.split('=');
  return command.options.find(({ long, short }) => long === name || short === name) ?? null;
};

const optionsOf = ({ options }: Command) => [
  ...options.filter(({ hidden }) => !hidden).flatMap(({ long }) => (long ? [long] : [])),
  '--help',
];

/** `<node>` of `--kill <node>`: the name of an option, as `--max-per-node`, says nothing of its value. */
const argumentOf = ({ flags }: Option) => flags.replace(/^[^<[]*/, '');

/** `<container|service|node>`, `<service=replicas...>`, `<node>` */
const kindsIn = (text: string): NameKind[] =>
  (['service', 'node', 'container', 'context'] as const).filter((kind) => new RegExp(`\\b${kind}\\b`).test(text));
