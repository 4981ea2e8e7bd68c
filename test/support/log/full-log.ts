/** Logs with one event of every type, telemetry between, for tests of what must keep all of it exactly. */

import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import type { NewEvent } from '../../../src/events/schema/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { exampleHistory } from '../../golden/example-history.ts';
import { epochMs } from './history.ts';
import { fact, telemetry } from './log-events.ts';
import type { LogPlace } from './logs.ts';

/** The golden story a commit an event, then so many rounds of a busy commit and a heartbeat, an hour after the other. */
export async function fillLog(place: LogPlace, { rounds = 0 } = {}): Promise<void> {
  let nowMs = epochMs;
  const store = await place.openStore();
  const deps = { store, clock: { nowMs: () => nowMs }, logger: silentLogger };
  const log = await createCommitLog(deps, { writer: 'test' });
  for (const { event, position } of exampleHistory()) {
    nowMs = epochMs + position * 1000;
    const { stream, type, data, meta } = event;
    await log.append([{ stream, type, data, meta } as NewEvent], position > 2 ? { term: 1 } : {});
  }
  for (let n = 0; n < rounds; n += 1) {
    nowMs += 3_600_000;
    await log.append([fact('a', { text: `round ${n}: grün, 𝄞, "quoted"` }), fact('b')]);
    await log.append([telemetry(), telemetry()]);
  }
  await log.close();
}
