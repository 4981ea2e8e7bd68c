/** The command `coctl completion`: what a shell completes, with names from the cluster. */

import { Argument, type Command } from 'commander';
import type { StateBody } from '../../projections/rows/state-bodies.ts';
import { complete, type NameKind } from '../output/complete.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printable } from '../output/table.ts';
import { createApi } from '../sources/api.ts';
import { readContexts } from '../sources/contexts.ts';

/** Each asks the program as it is typed, which need not be on the PATH, for what may come next: the words so far, the last unfinished. */
const scripts = {
  bash: `_coctl() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _coctl coctl`,
  zsh: `#compdef coctl
_coctl() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a candidates
}
# From a folder of fpath it is loaded with the first use, and is that use.
if [[ "\${funcstack[1]}" = _coctl ]]; then _coctl "$@"; else compdef _coctl coctl; fi`,
  fish: `function __coctl_words
  set -l words (commandline -opc)
  $words[1] completion words -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c coctl -f -a '(__coctl_words)'`,
} as const;

export function addCompletionCommand(program: Command, context: CliContext): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which script').choices([...Object.keys(scripts), 'words']))
    .argument('[words...]')
    .usage('<bash|zsh|fish>')
    .description('Prints what makes a shell complete commands, options, and names of the cluster')
    .action(async (shell: keyof typeof scripts | 'words', words: string[]) => {
      if (shell !== 'words') return context.printWhole(scripts[shell]);
      for (const line of await candidates(program, words, context)) context.printWhole(line);
    });
  addExamples(command, [
    ['completion bash > /etc/bash_completion.d/coctl', 'or: source <(coctl completion bash)'],
    ['completion zsh > ~/.zfunc/_coctl', 'where fpath has ~/.zfunc'],
    ['completion fish > ~/.config/fish/completions/coctl.fish', 'for fish'],
  ]);
}

async function candidates(program: Command, words: readonly string[], context: CliContext): Promise<string[]> {
  const { fixed, names, prefix } = complete(program, words);
  const contexts = names.includes('context') ? Object.keys(readContexts(context.environment).contexts) : [];
  const ofCluster = names.filter((kind) => kind !== 'context');
  const known = ofCluster.length === 0 ? [] : await namesOf(ofCluster, context);
  return [...fixed, ...contexts, ...known].filter((word) => word.startsWith(prefix)).map(printable);
}

type ClusterKind = Exclude<NameKind, 'context'>;

/** A person waits for a key: a manager that is not there is not waited for. */
const deadlineMs = 1_000;

async function namesOf(kinds: readonly ClusterKind[], context: CliContext): Promise<string[]> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMs)]);
  try {
    const { services, nodes, containers } = await createApi({ ...context, signal }).get<StateBody>('/state');
    const names: Record<ClusterKind, string[]> = {
      service: services.map(({ serviceName }) => serviceName),
      node: nodes.map(({ node }) => node),
      container: containers.map(({ container }) => container),
    };
    return kinds.flatMap((kind) => names[kind]);
  } catch {
    return [];
  }
}
