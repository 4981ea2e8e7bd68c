/** A process that appends to a SQLite log until it is killed, and says what was acknowledged: for tests of crashes. */

import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import { createSqliteStore } from '../../../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../../../src/logger.ts';
import { fact } from './log-events.ts';

const [path = ''] = process.argv.slice(2);
const store = await createSqliteStore({ path });
const log = await createCommitLog({ store, clock: { nowMs: Date.now }, logger: silentLogger }, { writer: 'loop' });
for (;;) {
  const results = await Promise.all(Array.from({ length: 5 }, (_, n) => log.append([fact(`s${n}`), fact('all')])));
  process.stdout.write(`${results.at(-1)!.last}\n`);
}
