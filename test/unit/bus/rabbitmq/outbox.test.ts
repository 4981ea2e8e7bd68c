/** What the publisher's outbox refuses, and what it tells a sender whose message was not confirmed. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createOutbox } from '../../../../src/bus/rabbitmq/outbox.ts';
import { hasCode } from '../../../../src/errors.ts';

const test = suite('outbox');

const message = (bytes = 1) => ({ exchange: 'x', routingKey: 'node.a', body: Buffer.alloc(bytes) });

const errorOf = (attempt: () => unknown) =>
  Promise.resolve()
    .then(attempt)
    .then(
      () => assert.unreachable('it should fail'),
      (error: unknown) => error,
    );

test('entries keep their order until each is settled', async () => {
  const outbox = createOutbox(() => null);
  const [first, second, third] = [1, 2, 3].map(() => outbox.add(message(), 60_000));
  second!.entry.settle();
  await second!.settled;
  assert.equal(
    outbox.entries().map(({ sequence }) => sequence),
    [1, 3],
  );
  assert.is(outbox.find(2), undefined);
  assert.is(outbox.has(second!.entry), false);
  first!.entry.settle();
  third!.entry.settle();
  assert.equal(outbox.entries(), []);
});

test('a deadline refuses with the problem of the connection, and a later confirm changes nothing', async () => {
  const outbox = createOutbox(() => 'connection: ECONNREFUSED');
  const { entry, settled } = outbox.add(message(), 5);
  const error = await errorOf(() => settled);
  assert.ok(hasCode(error, 'bus_unavailable'));
  assert.match(String(error), /no confirm within 5 ms \(connection: ECONNREFUSED\)/);
  entry.settle();
  assert.equal(outbox.entries(), []);
});

test('it holds 50 000 messages, and one more when one is settled', async () => {
  const outbox = createOutbox(() => null);
  const added = Array.from({ length: 50_000 }, () => outbox.add(message(), 60_000));
  assert.ok(hasCode(await errorOf(() => outbox.add(message(), 60_000)), 'bus_unavailable'));
  added[0]!.entry.settle();
  added.push(outbox.add(message(), 60_000));
  for (const { entry } of added) entry.settle();
});

test('it holds 256 MiB', async () => {
  const outbox = createOutbox(() => null);
  const body = Buffer.alloc(64 * 1024 * 1024);
  const added = Array.from({ length: 4 }, () => outbox.add({ ...message(), body }, 60_000));
  assert.ok(hasCode(await errorOf(() => outbox.add(message(), 60_000)), 'bus_unavailable'));
  for (const { entry } of added) entry.settle();
});

test('closing waits for what is confirmed meanwhile, and refuses everything later', async () => {
  const outbox = createOutbox(() => null);
  const { entry, settled } = outbox.add(message(), 60_000);
  const closing = outbox.close();
  assert.ok(hasCode(await errorOf(() => outbox.add(message(), 60_000)), 'bus_closed'));
  entry.settle();
  await settled;
  await closing;
});

test('what is not confirmed three seconds after closing began is refused', async () => {
  const outbox = createOutbox(() => null);
  const { settled } = outbox.add(message(), 60_000);
  const error = errorOf(() => settled);
  await outbox.close();
  assert.ok(hasCode(await error, 'bus_closed'));
});

test.run();
