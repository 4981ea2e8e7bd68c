/** Streams of an agent, seen by the manager that opened them: credit, order, refusals, and every way they end. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulatedMachine } from '../../../../src/agent/simulated/simulated-engine.ts';
import { createAgentStreams } from '../../../../src/agent/streams/agent-streams.ts';
import {
  chargeOf,
  type StreamAnswer,
  type StreamAsk,
  type StreamRequest,
} from '../../../../src/bus/stream-messages.ts';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { spec, specHashOf } from '../../../support/log/history.ts';
import { until } from '../../../support/wait.ts';

const test = suite('streams of an agent');
const clusterId = randomUUID();
const node = 'worker-1';
const container = 'web.1-a';
const secretEnv = [{ name: 'KEY', secret: 'key' }];

async function openScene() {
  const machine = createSimulatedMachine({ clock: systemClock });
  const engine = machine.engine({ clusterId, clusterName: 'test', node });
  const requested = spec({ env: secretEnv });
  const identity = { container, service: 'web', slot: 1, generation: 1, specHash: specHashOf(requested) };
  const env = [{ name: 'KEY', value: 'hush-hush-hush' }];
  await engine.create({ ...identity, spec: requested, image: requested.image, env });
  await engine.start(container);
  const answers: StreamAnswer[] = [];
  const bus = {
    async sendStreamAnswer(answer: StreamAnswer) {
      answers.push(answer);
    },
  };
  const specOf = (id: string) => (id === container ? requested : null);
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() };
  const streams = createAgentStreams({ bus, engine, clock, logger: silentLogger, specOf }, { clusterId, node });
  let sequence = 0;
  const streamId = randomUUID();
  const head = () => {
    sequence += 1;
    return { clusterId, node, streamId, sequence };
  };
  return {
    ...{ machine, streams, answers, streamId },
    open: (ask: StreamAsk, { credit = 1_000_000, id = container } = {}) =>
      streams.handle({ kind: 'open', ...head(), manager: 'm1', container: id, ask, credit }),
    send: (
      request: { kind: 'close' | 'input end' } | { kind: 'credit'; bytes: number } | { kind: 'input'; bytes: string },
    ) => streams.handle({ ...request, ...head() } as StreamRequest),
    skip: () => void head(),
    end: () => answers.find((answer) => answer.kind === 'end'),
    texts: () => answers.flatMap((answer) => (answer.kind === 'lines' ? answer.lines.map(({ text }) => text) : [])),
    output: () =>
      Buffer.concat(
        answers.flatMap((answer) => (answer.kind === 'output' ? [Buffer.from(answer.bytes, 'base64')] : [])),
      ).toString(),
  };
}

type Scene = Awaited<ReturnType<typeof openScene>>;

const scene = (sentence: string, body: (scene: Scene) => Promise<void>) =>
  test(sentence, async () => {
    const opened = await openScene();
    try {
      await body(opened);
    } finally {
      await opened.streams.close();
    }
  });

const follow: StreamAsk = { kind: 'logs', options: { follow: true, tail: 0, since: null } };
const exec = (command: string[], stdin = false): StreamAsk => ({
  kind: 'exec',
  options: { command, tty: false, stdin, size: null },
});

scene('lines are numbered answers without secrets, until the container ends', async ({ open, machine, ...seen }) => {
  open(follow);
  await until('opened', () => seen.answers.length > 0);
  machine.print(container, 'one\nhush-hush-hush\n');
  await until('both lines', () => seen.texts().length === 2);
  machine.kill(container, 0);
  await until('the end', seen.end);
  assert.equal(seen.texts(), ['one', '[secret key]']);
  assert.equal(
    seen.answers.map((answer) => 'sequence' in answer && answer.sequence),
    seen.answers.map((_, index) => index + 1),
  );
});

scene(
  'no more is sent than there is credit for, and it goes on with more',
  async ({ open, machine, send, ...seen }) => {
    open(follow, { credit: 100 });
    await until('opened', () => seen.answers.length > 0);
    const sent = () => seen.answers.reduce((sum, answer) => sum + (answer.kind === 'kept' ? 0 : chargeOf(answer)), 0);
    machine.print(container, `${'x'.repeat(200)}\n`);
    await until('the first', () => seen.texts().length === 1);
    machine.print(container, 'second\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.is(seen.texts().length, 1, 'the credit is used up');
    send({ kind: 'credit', bytes: sent() });
    await until('the second', () => seen.texts().includes('second'));
  },
);

scene('a command gets its input, and its exit code is the end', async ({ open, send, ...seen }) => {
  open(exec(['cat'], true));
  await until('opened', () => seen.answers.some(({ kind }) => kind === 'opened'));
  send({ kind: 'input', bytes: Buffer.from('hello hush-hush').toString('base64') });
  send({ kind: 'input', bytes: Buffer.from('-hush bye').toString('base64') });
  send({ kind: 'input end' });
  const end = await until('the end', seen.end);
  assert.is('exitCode' in end && end.exitCode, 0);
  assert.is(seen.output(), 'hello [secret key] bye');
  const given = seen.answers.reduce((sum, answer) => sum + (answer.kind === 'credit' ? answer.bytes : 0), 0);
  assert.is(given, 'hello hush-hush-hush bye'.length);
});

scene('what is not here and what does not run is refused by its code', async ({ open, machine, ...seen }) => {
  open(follow, { id: 'web.9-z' });
  const end = await until('the refusal', seen.end);
  assert.is(end.kind === 'end' && end.error?.code, 'container_not_running');
  machine.kill(container, 1);
  const other = await openScene();
  other.machine.kill(container, 1);
  other.open(exec(['true']));
  const refused = await until('the other', other.end);
  assert.is(refused.kind === 'end' && refused.error?.code, 'container_not_running');
  await other.streams.close();
});

scene('a stream that is closed says nothing more', async ({ open, send, machine, ...seen }) => {
  open(follow);
  await until('opened', () => seen.answers.length > 0);
  send({ kind: 'close' });
  machine.print(container, 'late\n');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(
    seen.answers.map(({ kind }) => kind),
    ['opened'],
  );
});

scene('a missing request breaks the stream, and a repeated one does nothing', async ({ open, skip, send, ...seen }) => {
  open(exec(['cat'], true));
  await until('opened', () => seen.answers.length > 0);
  const input = { kind: 'input' as const, bytes: Buffer.from('a').toString('base64') };
  send(input);
  seen.streams.handle({ ...input, clusterId, node, streamId: seen.streamId, sequence: 2 });
  await until('the echo', () => seen.output() === 'a');
  skip();
  send(input);
  const end = await until('the end', seen.end);
  assert.is(end.kind === 'end' && end.error?.code, 'stream_broken');
  assert.is(seen.output(), 'a');
});

scene(
  'a manager that asks gets the streams it has here, and no others',
  async ({ open, streams, streamId, ...seen }) => {
    open(follow);
    await until('opened', () => seen.answers.length > 0);
    const keep = (manager: string) =>
      streams.handle({ kind: 'keep', clusterId, node, manager, streams: [streamId, randomUUID()] });
    keep('m1');
    keep('m2');
    const kept = await until('both', () => {
      const found = seen.answers.filter((answer) => answer.kind === 'kept');
      return found.length === 2 ? found : null;
    });
    assert.equal(
      kept.map((answer) => answer.kind === 'kept' && answer.streams),
      [[streamId], []],
    );
  },
);

test('an agent that closes ends its streams with a reason', async () => {
  const { open, streams, answers, end } = await openScene();
  open(follow);
  await until('opened', () => answers.length > 0);
  await streams.close();
  const last = end();
  assert.is(last?.kind === 'end' && last.error?.code, 'stream_broken');
});

test.run();
