/** The shape of log lines: a constant message and fields, ids always under the same key. */

import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'child'>;

/** @param destination where the lines go; default standard error */
export function createLogger(
  options: { level?: string; name?: string } = {},
  destination: DestinationStream = pino.destination({ fd: 2, sync: false }),
): Logger {
  return pino({ level: options.level ?? 'info', base: options.name ? { part: options.name } : null }, destination);
}

export const silentLogger: Logger = pino({ level: 'silent' });
