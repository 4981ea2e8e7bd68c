/** A process that prunes a SQLite log with a pause after each step, and says each step: for tests of crashes. */

import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import { createSqliteStore } from '../../../src/events/stores/sqlite/sqlite-store.ts';
import { findPrunable, prune } from '../../../src/history/retention/retention.ts';
import { silentLogger } from '../../../src/logger.ts';
import { epochMs } from './history.ts';

const [path = '', retentionMs, pauseMs] = process.argv.slice(2);
const store = await createSqliteStore({ path });
const clock = { nowMs: () => epochMs };
const log = await createCommitLog({ store, clock, logger: silentLogger }, { writer: 'pruner' });
const prunable = await findPrunable(log, { retentionMs: Number(retentionMs) });
if (prunable) {
  const onStep = ({ slot }: { slot: number }) => process.stdout.write(`${slot}\n`);
  await prune(log, prunable, { actor: 'controller', pauseMs: Number(pauseMs), onStep });
}
await log.close();
