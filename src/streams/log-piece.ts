/** What the readers of logs give, piece by piece. */

import type { LogLine } from '../model/stream.ts';

/** Lines of a container in their order, or why there are no more of it. */
export type LogPiece =
  | { container: string; lines: readonly LogLine[] }
  | { container: string; problem: { code: string; detail: string } };
