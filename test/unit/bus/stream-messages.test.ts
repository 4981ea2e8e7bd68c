/** What answers take of a stream's credit, and what a message of a stream may say. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseStreamAnswer, parseStreamRequest } from '../../../src/bus/message-codec.ts';
import { chargeOf, chargeOfLine } from '../../../src/bus/stream-messages.ts';
import { routingKeys } from '../../../src/bus/topology.ts';

const test = suite('messages of streams');
const clusterId = '11111111-1111-4111-8111-111111111111';
const streamId = '22222222-2222-4222-8222-222222222222';
const head = { clusterId, node: 'a', streamId, sequence: 1 };

const lineOf = (text: string) => ({ at: '2026-01-01T00:00:00.000Z', output: 'stdout' as const, text });

test('lines cost their bytes and what is around them, output its bytes as they travel, the rest nothing', () => {
  assert.is(chargeOfLine(lineOf('ä')) - chargeOfLine(lineOf('')), 2);
  const lines = [lineOf('one'), lineOf('')];
  assert.is(chargeOf({ kind: 'lines', lines }), 3 + 2 * chargeOfLine(lineOf('')));
  assert.ok(chargeOfLine(lineOf('')) > 0, 'empty lines are not free');
  assert.is(chargeOf({ kind: 'output', output: 'stdout', bytes: 'AAAA' }), 4);
  assert.is(chargeOf({ kind: 'opened' }), 0);
});

test('a request is for the node of its queue, an answer from the node and to the manager of its routing key', () => {
  const request = (message: object) =>
    parseStreamRequest(Buffer.from(JSON.stringify(message)), { clusterId, routingKey: routingKeys.streams('a') });
  assert.ok('message' in request({ kind: 'close', ...head }));
  for (const refused of [{ node: 'b' }, { sequence: 0 }, { more: 1 }, { kind: 'shout' }, { streamId: 'x' }]) {
    assert.ok('deadLetter' in request({ kind: 'close', ...head, ...refused }), JSON.stringify(refused));
  }
  const answer = (message: object) =>
    parseStreamAnswer(Buffer.from(JSON.stringify(message)), { clusterId, routingKey: routingKeys.stream('a', 'm.1') });
  assert.ok('message' in answer({ kind: 'opened', ...head, manager: 'm.1' }));
  for (const refused of [{ node: 'b' }, { manager: 'm.2' }, { manager: 'm.*' }]) {
    assert.ok('deadLetter' in answer({ kind: 'opened', ...head, manager: 'm.1', ...refused }), JSON.stringify(refused));
  }
});

test('input is base64 of a bounded size', () => {
  const input = (bytes: string) =>
    parseStreamRequest(Buffer.from(JSON.stringify({ kind: 'input', ...head, bytes })), {
      ...{ clusterId, routingKey: routingKeys.streams('a') },
    });
  assert.ok('message' in input(Buffer.from('echo').toString('base64')));
  assert.ok('deadLetter' in input('no base64!'));
  assert.ok('deadLetter' in input('A'.repeat(1024 * 1024)));
});

test.run();
