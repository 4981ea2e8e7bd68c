/** A manager whose clock was a year ahead for one commit: times stand still until a manager says that its clock is right. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../src/clock.ts';
import { acceptClock } from '../../../src/daemon/accepted-clock.ts';
import { hasCode } from '../../../src/errors.ts';
import { openDatabaseClock } from '../../../src/events/stores/mongo/database-clock.ts';
import { silentLogger } from '../../../src/logger.ts';
import { oneService, startApi } from '../../support/http/http.ts';
import { logKinds, openLogAt } from '../../support/log/logs.ts';

const test = suite('accepted clock');
const yearMs = 365 * 86_400_000;

test('times go on from the clock that is right, and the log is whole', async () => {
  const place = await logKinds[0]!.createPlace();
  let aheadMs = yearMs;
  const log = await openLogAt(place, { clock: { nowMs: () => Date.now() + aheadMs } });
  const api = await startApi(log);
  try {
    await api.call('POST', '/service', { body: oneService('web') });
    aheadMs = 0;
    await api.call('POST', '/service', { body: oneService('db') });
    const frozen = (await log.head()).at;
    assert.ok(Date.parse(frozen) > Date.now() + yearMs / 2);
    const accept = (isClockAccepted: boolean) => acceptClock(api, { isClockAccepted }, 'manager:m');
    assert.match(
      String(await accept(false)),
      /s ahead of this machine's clock; if this clock is right, start with --accept-clock now/,
    );
    assert.is((await log.head()).at, frozen);
    assert.match(String(await accept(true)), /corrected, and times go on from here/);
    assert.is(await accept(true), null, 'once is enough');
    await api.call('POST', '/service', { body: oneService('api') });
    const head = await log.head();
    assert.ok(Math.abs(Date.parse(head.at) - Date.now()) < 10_000, head.at);
    assert.is(head.position, 5);
    const updated = [...api.projector.view.services.values()].map(({ updatedAt }) => Date.parse(updatedAt));
    assert.ok(updated.every((ms) => ms < Date.now() + 10_000));
  } finally {
    await api.close();
    await log.close();
    await place.remove();
  }
});

/** As far as it is asked for its time. */
const databaseAt = (timeOf: () => number) => ({ command: async () => ({ localTime: new Date(timeOf()) }) }) as never;

test('a clock far ahead of the database is refused at the start, and held to it when it jumps later', async () => {
  let aheadMs = yearMs;
  const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
  const open = (isAccepted: boolean) =>
    openDatabaseClock({ db: databaseAt(() => Date.now()), logger: silentLogger, clock }, { isAccepted });
  try {
    (await open(false)).close();
    assert.unreachable('it was accepted');
  } catch (error) {
    assert.ok(hasCode(error, 'clock_ahead'), String(error));
    assert.match((error as Error).message, /31536000 s ahead of the database's, .*--accept-clock now/);
  }
  const accepted = await open(true);
  assert.ok(accepted.nowMs() > Date.now() + yearMs / 2);
  accepted.close();
  aheadMs = 0;
  const held = await open(false);
  assert.ok(Math.abs(held.nowMs() - Date.now()) < 1_000);
  aheadMs = yearMs;
  assert.ok(held.nowMs() < Date.now() + 6 * 60_000, 'five minutes ahead at most');
  held.close();
});

test.run();
