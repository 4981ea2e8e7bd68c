/** Decide, append, decide again: on a real log in memory, with another writer that is faster. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../../src/clock.ts';
import { AppError } from '../../../../src/errors.ts';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import { specHash } from '../../../../src/events/schema/hash.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { createProjector, type Projector } from '../../../../src/projections/live/projector.ts';
import { conflictDeadlineMs, createAppendDecision } from '../../../../src/reconciler/append/append-decision.ts';
import { openMemoryLog } from '../../../support/http/http-logs.ts';
import { readAll } from '../../../support/log/log-events.ts';
import { refusal } from '../../../support/refusal.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('append decision');
const container = specOf('nginx');

let log: EventLog;
let projector: Projector;

test.before.each(async () => {
  log = await openMemoryLog();
  projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  await projector.start();
});
test.after.each(async () => {
  await projector.close();
  await log.close();
});

const requestBy = (actor: string, replicas = 1): NewEvent => ({
  stream: streams.service('web'),
  type: 'ServiceRequested',
  data: { service: 'web', generation: 1, changed: true, replicas, container, specHash: specHash(container) },
  meta: { actor: `person:${actor}`, causationId: null },
});
/** From the version that the view has of it. */
const decideFromView = (actor: string) => ({
  events: [requestBy(actor)],
  options: { expect: [{ stream: streams.service('web'), version: projector.view.services.get('web')?.version ?? 0 }] },
});
/** Takes its place in the log before what is decided in the same turn. */
const otherWriterIsFaster = () => void log.append([requestBy('other')]);
const actorsInLog = async () => (await readAll(log)).map(({ meta }) => meta.actor.replace('person:', ''));

test('what another writer was faster with is seen by the next decision, which is appended once', async () => {
  const versionsSeen: number[] = [];
  const appendDecision = createAppendDecision({ log, projector, clock: systemClock });
  const result = await appendDecision(() => {
    versionsSeen.push(projector.view.services.get('web')?.version ?? 0);
    if (versionsSeen.length < 3) otherWriterIsFaster();
    return decideFromView('us');
  });
  assert.equal(versionsSeen, [0, 1, 2]);
  assert.is(result.kind === 'decided' && result.appended?.last, 3);
  assert.equal(await actorsInLog(), ['other', 'other', 'us']);
});

test('a decision without events appends nothing and is returned', async () => {
  const appendDecision = createAppendDecision({ log, projector, clock: systemClock });
  const decision = { events: [], note: 'nothing to do' };
  assert.equal(await appendDecision(() => decision), { kind: 'decided', decision, appended: null });
  assert.equal(await readAll(log), []);
});

test('conflicts without end are given up after the deadline, with nothing appended', async () => {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  const appendDecision = createAppendDecision({ log, projector, clock });
  let decisions = 0;
  const result = await appendDecision(() => {
    decisions += 1;
    clock.nowMs += conflictDeadlineMs / 4;
    otherWriterIsFaster();
    return decideFromView('us');
  });
  assert.is(result.kind === 'conflict' && result.error.code, 'expectation_failed');
  assert.is(decisions, 5);
  assert.not((await actorsInLog()).includes('us'));
});

test('a view that cannot catch up after a conflict ends it, and says why', async () => {
  const away = new AppError('log_unavailable', 'the log is away, says the test', { retryable: true });
  const withoutHead = { append: log.append, head: () => Promise.reject(away) };
  const appendDecision = createAppendDecision({ log: withoutHead, projector, clock: systemClock });
  const result = await appendDecision(() => {
    otherWriterIsFaster();
    return decideFromView('us');
  });
  assert.equal(result, { kind: 'conflict', error: away });
});

test('what deciding or appending refuses is thrown, and nothing is tried again', async () => {
  const appendDecision = createAppendDecision({ log, projector, clock: systemClock });
  let decisions = 0;
  const decide = () => {
    decisions += 1;
    return { events: [requestBy('us', -1)] };
  };
  assert.is((await refusal(() => appendDecision(decide))).code, 'event_invalid');
  assert.is(decisions, 1);
  const refused = () => {
    throw new AppError('service_not_found', 'no service is called web');
  };
  assert.is((await refusal(() => appendDecision(refused))).code, 'service_not_found');
});

test.run();
