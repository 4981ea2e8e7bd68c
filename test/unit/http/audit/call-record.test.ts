import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../../src/clock.ts';
import { AppError } from '../../../../src/errors.ts';
import type { NewEvent } from '../../../../src/events/schema/event.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { readsEvent, refusalEvent, toReadCall } from '../../../../src/http/audit/call-events.ts';
import { createCallRecorder } from '../../../../src/http/audit/call-record.ts';
import { silentLogger } from '../../../../src/logger.ts';

const test = suite('record of calls');

/** NUL, halves of surrogate pairs, and lengths beyond every bound. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 3_000 }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.constant('"'.repeat(2_000)),
  fc.constant('UNSUBSCRIBE'),
);
const number = fc.oneof(fc.integer(), fc.double(), fc.constant(-0));
const call = fc.record({
  ...{ actor: text, requestId: text, method: text, path: text, status: number, durationMs: number },
  ...{ code: text, detail: text },
});

test('whatever is called, its record is a valid event', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 5 }), (calls) => {
      assertEvent(
        readsEvent(
          calls.map((one) => toReadCall(one, '2026-01-01T00:00:00.000Z')),
          'manager:m',
        ),
      );
      for (const one of calls) {
        const event = refusalEvent(one);
        assertEvent(event);
        assert.ok(event.meta.actor.isWellFormed() && event.meta.actor.length <= 128);
        assert.ok((event.meta.requestId ?? '').isWellFormed());
      }
    }),
  );
});

const read = (path: string) => ({
  ...{ actor: 'unknown', requestId: 'r', method: 'GET', path, status: 200, durationMs: 1 },
});

/** A log that refuses every append with this path in it. */
function createRecorder(refusedPath: string) {
  const appended: NewEvent[] = [];
  const log = {
    async append(events: readonly NewEvent[]) {
      if (JSON.stringify(events).includes(refusedPath)) throw new AppError('event_invalid', 'no');
      appended.push(...events);
      return { positions: [], versions: [] } as never;
    },
  };
  const recorder = createCallRecorder({ log, clock: systemClock, logger: silentLogger }, { actor: 'manager:m' });
  return { recorder, appended };
}

test('a read that the log refuses takes no other with it', async () => {
  const { recorder, appended } = createRecorder('/bad');
  const paths = Array.from({ length: 999 }, (_, index) => (index === 500 ? '/bad' : `/good/${index}`));
  for (const path of paths) recorder.recordRead(read(path));
  await recorder.close();
  const recorded = appended.flatMap((event) =>
    event.type === 'ApiReadsRecorded' ? event.data.calls.map(({ path }) => path) : [],
  );
  assert.equal(
    recorded,
    paths.filter((path) => path !== '/bad'),
  );
});

test('a refusal that the log refuses takes no other with it', async () => {
  const { recorder, appended } = createRecorder('/bad');
  for (const path of ['/1', '/2', '/bad', '/4']) {
    recorder.recordRefusal({ ...read(path), method: 'POST', code: 'c', detail: 'd' });
  }
  await recorder.close();
  assert.equal(
    appended.map((event) => event.type === 'RequestRefused' && event.data.path),
    ['/1', '/2', '/4'],
  );
});

test('the query string stays out', async () => {
  assert.is(toReadCall(read('/state?token=secret'), '2026-01-01T00:00:00.000Z').path, '/state');
});

test.run();
