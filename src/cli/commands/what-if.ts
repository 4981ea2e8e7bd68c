/**
 * The command `coctl whatif`: what would move where, and when it would converge, if nodes died or specs changed; asked of a
 * manager, or worked out here from a log. Changes nothing.
 */

import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { formatDuration } from '../../history/sentences/format-values.ts';
import { type WhatIfAnswer, type WhatIfChange, whatIf, withinMsMax } from '../../history/what-if/what-if.ts';
import { replicasMax } from '../../model/service.ts';
import { type CliContext, exitCodes } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { whatIfTables } from '../output/what-if-tables.ts';
import { type AskOptions, addAskOptions, ask } from '../sources/ask.ts';
import type { LogSource } from '../sources/log-source.ts';
import { readView } from '../sources/past-view.ts';
import { pointAt, pointInTimeHelp, queryPoint } from '../sources/point-in-time.ts';

type Options = AskOptions & { at?: string; within?: string; json?: boolean };

type Question = { changes: WhatIfChange[]; at?: string; withinMs?: number };

export function addWhatIfCommand(program: Command, context: CliContext): void {
  const changes: WhatIfChange[] = [];
  /** Options of several kinds, in the order they are given: together they are one list. */
  const change = (read: (value: string) => WhatIfChange) => (value: string) => {
    changes.push(read(value));
  };
  const command = program
    .command('whatif')
    .description('What would move where, and when it would converge, if all of this happened at once')
    .option(
      '--kill <node>',
      'the node dies',
      change((node) => ({ kind: 'kill', node })),
    )
    .option(
      '--drain <node>',
      'the node is drained',
      change((node) => ({ kind: 'drain', node })),
    )
    .option('--scale <service=replicas>', 'the service gets so many replicas', change(readScale))
    .option('--image <service=image>', 'the service gets another image', change(readImage))
    .option(
      '--failing-image <service=image>',
      'the service gets an image whose containers end at once',
      change((text) => ({ ...readImage(text), fails: true })),
    )
    .option(
      '--remove <service>',
      'the service is removed',
      change((service) => ({ kind: 'remove', service })),
    )
    .option('--at <point>', `as of then: ${pointInTimeHelp}`)
    .option(
      '--within <duration>',
      `how far to look, such as 90s or 10m; at most ${formatDuration(withinMsMax)} (default: 10m)`,
    )
    .option('--json', 'the body of POST /whatif')
    .action((options: Options) => answer(changes, options, context));
  addAskOptions(command);
  command.addHelpText(
    'after',
    '\nEach change may be given several times. A manager knows its own time-outs; a log is asked with the default ones.\nExit code 1: it would not converge.',
  );
  addExamples(command, [
    ['whatif --kill worker-2', 'where its containers would go'],
    ['whatif --kill worker-2 --scale web=9', 'both at once'],
    ['whatif --failing-image web=nginx:2', 'a bad version: where its rollout would stop'],
    ['whatif --image web=nginx:1.27 --at 1500', 'a new image, as of position 1500'],
    ['whatif --sqlite copy.sqlite --drain worker-1 --json', 'of a log, for a program'],
  ]);
}

async function answer(changes: WhatIfChange[], options: Options, context: CliContext): Promise<void> {
  const { at, within, json } = options;
  if (changes.length === 0) {
    throw new AppError('usage_invalid', 'say what happens: --kill, --drain, --scale, --image or --remove');
  }
  const question: Question = {
    changes,
    ...(at === undefined ? {} : { at: queryPoint('--at', at, systemClock.nowMs()) }),
    ...(within === undefined ? {} : { withinMs: parseWithin(within) }),
  };
  const found = await ask<WhatIfAnswer>(options, context, {
    online: (api) => api.call('POST', '/whatif', question),
    offline: (source) => answerFromLog(source, question, context),
  });
  if (json) context.printJson(found);
  else for (const line of whatIfTables(found, context)) context.print(line);
  const { kind } = found.verdict;
  if (kind !== 'converges' && kind !== 'unchanged') context.exitWith(exitCodes.different);
}

async function answerFromLog(
  source: LogSource,
  { at, ...question }: Question,
  context: CliContext,
): Promise<WhatIfAnswer> {
  const to = pointAt(at, systemClock.nowMs());
  return whatIf(await readView(source, context, to), question, {}, context.signal);
}

/** @throws AppError `usage_invalid` */
function readScale(text: string): WhatIfChange {
  const [, service, replicas] = /^([^=]+)=(\d{1,5})$/.exec(text) ?? [];
  if (service === undefined || Number(replicas) > replicasMax) {
    throw new AppError('usage_invalid', `--scale takes service=replicas such as web=9, at most ${replicasMax}`);
  }
  return { kind: 'scale', service, replicas: Number(replicas) };
}

/** @throws AppError `usage_invalid` */
function readImage(text: string): Extract<WhatIfChange, { kind: 'image' }> {
  const [, service, image] = /^([^=]+)=(\S{1,512})$/.exec(text) ?? [];
  if (service === undefined || image === undefined) {
    throw new AppError('usage_invalid', '--image takes service=image such as web=nginx:1.27');
  }
  return { kind: 'image', service, image };
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

/** @throws AppError `usage_invalid` */
function parseWithin(text: string): number {
  const [, count, unit] = /^(\d{1,7})(ms|s|m|min|h)$/.exec(text) ?? [];
  const withinMs = Number(count) * (unitsMs[unit ?? ''] ?? Number.NaN);
  if (withinMs >= 1 && withinMs <= withinMsMax) return withinMs;
  throw new AppError(
    'usage_invalid',
    `--within takes a duration such as 90s or 10m, at most ${formatDuration(withinMsMax)}`,
  );
}
