/** The command `coctl completion`: what a shell completes, with names from the cluster. */

import { Argument, type Command } from 'commander';
import type { StateBody } from '../../projections/rows/state-bodies.ts';
import { complete, type NameKind } from '../output/complete.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printable } from '../output/table.ts';
import { createApi } from '../sources/api.ts';

/** Each asks this program for what may come next: the words so far, the last one unfinished. */
const scripts = {
  bash: `_coctl() {
  local IFS=$'\\n'
  COMPREPLY=($(coctl completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _coctl coctl`,
  zsh: `#compdef coctl
_coctl() {
  local -a candidates
  candidates=("\${(@f)$(coctl completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a candidates
}
# From a folder of fpath it is loaded with the first use, and is that use.
if [[ "\${funcstack[1]}" = _coctl ]]; then _coctl "$@"; else compdef _coctl coctl; fi`,
  fish: `complete -c coctl -f -a '(coctl completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
} as const;

export function addCompletionCommand(program: Command, context: CliContext): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which script').choices([...Object.keys(scripts), 'words']))
    .argument('[words...]')
    .usage('<bash|zsh|fish>')
    .description('Prints what makes a shell complete commands, options, and names of the cluster')
    .action(async (shell: keyof typeof scripts | 'words', words: string[]) => {
      if (shell !== 'words') return context.print(scripts[shell]);
      for (const line of await candidates(program, words, context)) context.print(line);
    });
  addExamples(command, [
    ['completion bash > /etc/bash_completion.d/coctl', 'or: source <(coctl completion bash)'],
    ['completion zsh > ~/.zfunc/_coctl', 'where fpath has ~/.zfunc'],
    ['completion fish > ~/.config/fish/completions/coctl.fish', 'for fish'],
  ]);
}

async function candidates(program: Command, words: readonly string[], context: CliContext): Promise<string[]> {
  const { fixed, names, prefix } = complete(program, words);
  const known = names.length === 0 ? [] : await namesOf(names, context);
  return [...fixed, ...known].filter((word) => word.startsWith(prefix)).map(printable);
}

/** A person waits for a key: a manager that is not there is not waited for. */
const deadlineMs = 1_000;

async function namesOf(kinds: readonly NameKind[], context: CliContext): Promise<string[]> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMs)]);
  try {
    const { services, nodes, containers } = await createApi({ ...context, signal }).get<StateBody>('/state');
    const names: Record<NameKind, string[]> = {
      service: services.map(({ serviceName }) => serviceName),
      node: nodes.map(({ node }) => node),
      container: containers.map(({ container }) => container),
    };
    return kinds.flatMap((kind) => names[kind]);
  } catch {
    return [];
  }
}
