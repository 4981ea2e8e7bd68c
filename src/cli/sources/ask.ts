/** Where a question goes to: the manager that serves, or the log itself, which is then read here, without a manager. */

import type { Command } from 'commander';
import { AppError, hasCode } from '../../errors.ts';
import type { CliContext } from '../output/context.ts';
import { type Api, type ApiOptions, addApiOptions, createApi } from './api.ts';
import { addReadOptions, type LogSource, type ReadOptions, withLog } from './log-source.ts';

export type AskOptions = ApiOptions & ReadOptions & { offline?: boolean };

/** The same answer from either. */
export type Answerers<T> = {
  online(api: Api): Promise<T>;
  offline(source: LogSource): Promise<T>;
};

export function addAskOptions(command: Command): Command {
  addApiOptions(command).option('--offline', 'asks no manager: reads the log that is named, or the default one');
  return addReadOptions(command).addHelpText(
    'after',
    '\nThe manager is asked, unless --offline is given or a log is named by --sqlite, --mongodb, --data or --file: then the answer is\nworked out here, also when no manager runs.',
  );
}

/** Else the log is read, which was named or is the default one. */
export const asksManager = ({ offline = false, sqlite, mongodb, file, data }: AskOptions): boolean =>
  !offline && (sqlite ?? mongodb ?? file ?? data) === undefined;

/** @throws AppError `usage_invalid` · what the answerer throws · of a log: what `withLog` throws */
export function ask<T>(options: AskOptions, context: CliContext, { online, offline }: Answerers<T>): Promise<T> {
  if (asksManager(options)) return online(createApi(context, options)).catch(nameTheLog);
  if (options.url !== undefined)
    throw new AppError('usage_invalid', '--url asks a manager, and a log is read without one: give one');
  return withLog(options, context, offline);
}

/** An operator who finds no manager may have come because it ended. */
function nameTheLog(error: unknown): never {
  if (!hasCode(error, 'api_unreachable')) throw error;
  const { code, message } = error as AppError;
  throw new AppError(code, `${message}; --offline asks the log instead`, { cause: error });
}
