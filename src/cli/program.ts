/** The command line as a whole: its commands, and the exit code when one of them ends or fails. */

import { type Command, CommanderError } from 'commander';
import { AppError } from '../errors.ts';
import { createProgram as createAnyProgram } from '../process/arguments.ts';
import { exitMessage } from '../process/lifecycle.ts';
import { addApplyCommand, addPlanCommand } from './commands/acting/apply.ts';
import { addEditCommand } from './commands/acting/edit.ts';
import { addNodeCommand } from './commands/acting/node.ts';
import { addRemoveCommand, addRestartCommand, addRollbackCommand } from './commands/acting/release.ts';
import { addRolloutCommand } from './commands/acting/rollout.ts';
import { addRunCommand } from './commands/acting/run.ts';
import { addScaleCommand } from './commands/acting/scale.ts';
import { addSetCommand } from './commands/acting/set.ts';
import { addEventsCommand } from './commands/asking/events.ts';
import { addInspectCommand } from './commands/asking/inspect.ts';
import { addNodesCommand, addPsCommand, addServicesCommand } from './commands/asking/lists.ts';
import { addStateCommand } from './commands/asking/state.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addContextCommand } from './commands/context.ts';
import { addDiffCommand } from './commands/diff.ts';
import { addExecCommand } from './commands/exec.ts';
import { addExportCommand } from './commands/export.ts';
import { addHistoryCommand } from './commands/history.ts';
import { addImportCommand } from './commands/import.ts';
import { addLogsCommand } from './commands/logs.ts';
import { addPruneCommand } from './commands/prune.ts';
import { addRegistryCommand } from './commands/registry.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addTokenCommand } from './commands/token.ts';
import { addTopCommand } from './commands/top.ts';
import { addVerifyCommand } from './commands/verify.ts';
import { addWhatIfCommand } from './commands/what-if.ts';
import { addWhyCommand } from './commands/why.ts';
import { type CliContext, type ExitCode, exitCodes } from './output/context.ts';
import { printable } from './output/table.ts';
import { readProgram } from './output/version.ts';

type Add = (program: Command, context: CliContext) => void;

/** One line each, by the headings and in the order of `--help`. */
const groups: readonly (readonly [heading: string, commands: readonly Add[]])[] = [
  [
    'Change the cluster:',
    [
      addRunCommand,
      addApplyCommand,
      addPlanCommand,
      addEditCommand,
      addScaleCommand,
      addSetCommand,
      addRestartCommand,
      addRollbackCommand,
      addRolloutCommand,
      addRemoveCommand,
      addNodeCommand,
      addExecCommand,
    ],
  ],
  [
    'Ask:',
    [
      addPsCommand,
      addServicesCommand,
      (program, context) => addNodesCommand(program, context),
      addInspectCommand,
      addStateCommand,
      addWhyCommand,
      addHistoryCommand,
      addEventsCommand,
      addLogsCommand,
      addTopCommand,
      addDiffCommand,
      addWhatIfCommand,
    ],
  ],
  ['The log:', [addReplayCommand, addVerifyCommand, addExportCommand, addImportCommand, addPruneCommand]],
  ['Who may call, and pull:', [addTokenCommand, addRegistryCommand]],
  ['This command line:', [addContextCommand, addCompletionCommand]],
];

const helpWidthDefault = 100;
/** Text that has less room than this is left unbroken. */
const helpTextWidthMin = 20;

const helpOnEnding = `
Exit codes:
  0    fine
  1    a difference, nothing found, or refused
  2    wrong arguments: the message says what
  3    the log, the manager or a file cannot be reached
  4    a change was made, and the cluster does not come to it: the reason is said
  5    the token does not allow it, or there is none
  130  interrupted

Commands that change the cluster or ask about it call the manager at CO_URL, or of the current context,
or at http://127.0.0.1:5000, with the token in CO_TOKEN and, for an https:// URL, the authority in CO_CA.
Those that ask, but for inspect, can read the log instead, and answer the same. The others read the log
itself, also beside a running manager, and change nothing unless they say so. Times are in UTC.`;

/** @returns the exit code; says on standard error what went wrong */
export async function runCli(args: readonly string[], context: CliContext): Promise<ExitCode> {
  try {
    await createProgram(context).parseAsync([...args], { from: 'user' });
    return context.signal.aborted ? exitCodes.interrupted : context.exitCode();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.misused;
    if (context.signal.aborted) return exitCodes.interrupted;
    context.printError(describeFailure(error));
    return exitCodeOf(error);
  }
}

export function createProgram(context: CliContext): Command {
  const does = 'Runs containers on a cluster, shows its state, and explains and replays its history';
  const program = createAnyProgram('coctl', does)
    .version(readProgram().version, '--version')
    .addHelpText('after', helpOnEnding)
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.printError(text.trimEnd()),
      getOutHelpWidth: () => context.widthMax ?? helpWidthDefault,
      getErrHelpWidth: () => context.widthMax ?? helpWidthDefault,
    })
    // The names alone: what each takes is in its own help, and there is room for what it does.
    .configureHelp({ subcommandTerm: (command) => command.name(), minWidthToWrap: helpTextWidthMin });
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, context);
  }
  return program.helpCommand('help [command]', 'What a command does, with its options and examples');
}

const misuses: ReadonlySet<string> = new Set([
  'usage_invalid',
  'config_invalid',
  'query_invalid',
  'path_invalid',
  'body_invalid',
  'query_contradictory',
  'body_contradictory',
  'image_refused',
  'option_refused',
]);

const unreachable: ReadonlySet<string> = new Set([
  'api_unreachable',
  'tls_unreachable',
  'pin_mismatch',
  'log_missing',
  'file_missing',
  'file_unreadable',
  'contexts_unreadable',
  'log_locked',
  'log_corrupt',
  'log_unavailable',
  'log_busy',
  'log_closed',
  'view_behind',
  'replays_full',
  'stopping',
  'node_silent',
  'agent_too_old',
  'engine_unavailable',
  'stream_broken',
]);

const forbidden: ReadonlySet<string> = new Set(['unauthenticated', 'forbidden', 'host_not_allowed', 'cross_site']);

function exitCodeOf(error: unknown): ExitCode {
  if (isOfSystem(error)) return exitCodes.unreachable;
  if (!(error instanceof AppError)) return exitCodes.different;
  if (misuses.has(error.code)) return exitCodes.misused;
  if (forbidden.has(error.code)) return exitCodes.forbidden;
  return unreachable.has(error.code) ? exitCodes.unreachable : exitCodes.different;
}

/** A folder that is not there, a disk that is full: it names the call and the path. */
const isOfSystem = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;

function describeFailure(error: unknown): string {
  if (isOfSystem(error)) return printable(`the system refused: ${error.message}`);
  // A manager may have quoted anything.
  return exitMessage(error instanceof AppError ? new AppError(error.code, printable(error.message)) : error);
}
