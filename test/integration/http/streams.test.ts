/** Logs, figures and commands over HTTP: what is read, who is refused and why, and what is recorded. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import WebSocket from 'ws';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { appendLoss, appendSeeds } from '../../support/http/seeds.ts';
import { until } from '../../support/wait.ts';

const test = suite('streams over HTTP');
const container = 'web.1-4m';
type Options = NonNullable<Parameters<typeof startApi>[1]>;

const scene = (sentence: string, body: (api: TestApi) => Promise<void>, options: Options = {}) =>
  test(sentence, async () => {
    const api = await startApi(await openMemoryLog(), { agent: { isAnswering: true }, ...options });
    try {
      await api.projector.waitFor(await appendSeeds(api.log));
      await api.agent.run(container);
      await body(api);
    } finally {
      await api.close();
      await api.log.close();
    }
  });

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { container: string; text: string; at?: string; output: string });

async function follow(api: TestApi, path: string, headers: Record<string, string> = {}) {
  const leaving = new AbortController();
  const answer = await fetch(`${api.url}${path}`, { headers, signal: leaving.signal });
  let text = '';
  let isOver = false;
  const reading = (async () => {
    for await (const chunk of answer.body!) text += Buffer.from(chunk).toString();
  })().finally(() => {
    isOver = true;
  });
  reading.catch(() => {});
  return { answer, text: () => text, isOver: () => isOver, leave: () => leaving.abort() };
}

scene(
  'lines are NDJSON with their container, the last ones when asked for, and times only when asked for',
  async (api) => {
    api.agent.machine.print(container, 'one\ntwo hush-hush-hush\n');
    const all = await api.call('GET', `/container/${container}/logs`);
    assert.is(all.status, 200);
    assert.match(String(all.headers['content-type']), /ndjson/);
    assert.equal(linesOf(all.text).slice(-2), [
      { container, output: 'stdout', text: 'one' },
      { container, output: 'stdout', text: 'two [secret key]' },
    ]);
    const last = await api.call('GET', `/container/${container}/logs?tail=1&timestamps=true`);
    assert.is(linesOf(last.text).length, 1);
    assert.match(linesOf(last.text)[0]!.at!, /^\d{4}-.*Z$/);
  },
);

scene('a follower gets what is printed later as an event stream, and the end of the container', async (api) => {
  const follower = await follow(api, `/container/${container}/logs?follow=true&tail=0`, {
    accept: 'text/event-stream',
  });
  assert.is(follower.answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  await until('the line', () => {
    api.agent.machine.print(container, 'later\n');
    return follower.text().includes('event: line\ndata: {"container":"web.1-4m","output":"stdout","text":"later"}\n\n');
  });
  api.agent.machine.kill(container, 0);
  await until('the end', follower.isOver);
  assert.match(follower.text(), /event: end\n/);
});

scene('a follower of a service gets the lines of a container that starts later', async (api) => {
  const follower = await follow(api, '/service/web/logs?follow=true&tail=0');
  const next = 'web.2-9z';
  await api.agent.run(next);
  api.agent.machine.print(next, 'of the next\n');
  const ref = { container: next, service: 'web', slot: 2, node: 'worker-1' };
  const { events } = await api.log.read({ streams: [streams.container(container)] });
  const [queued, starting, running] = events.map(({ stream: _, data, type, meta: { actor } }) => {
    const meta = { actor, causationId: null };
    return { stream: streams.container(next), type, data: { ...data, ...ref, replaces: null }, meta } as NewEvent;
  });
  const strip = ({ data, ...event }: NewEvent): NewEvent => {
    const { replaces: _, ...rest } = data as { replaces?: unknown };
    return { ...event, data: rest } as NewEvent;
  };
  await api.log.append([queued!, strip(starting!), strip(running!)]);
  const line = await until('its line', () => linesOf(follower.text()).find(({ text }) => text === 'of the next'));
  assert.is(line.container, next);
  follower.leave();
});

scene('figures are those of the engine', async (api) => {
  const { status, body } = await api.call('GET', `/container/${container}/stats`);
  assert.is(status, 200);
  const { at, ...rest } = body;
  assert.ok(Date.parse(at) > 0);
  const figures = { cpuMillis: 0, memoryBytes: 0, memoryLimitBytes: null };
  assert.equal(rest, { container, service: 'web', node: 'worker-1', ...figures });
});

scene('of what has ended the last lines are answered that the log keeps, and said to be no more', async (api) => {
  const detail = 'it is failed: these are its last lines, which the log keeps';
  const problem = { code: 'container_not_running', detail };
  const whole = await api.call('GET', '/container/web.1-4k/logs');
  const lines = [
    { container: 'web.1-4k', problem },
    { container: 'web.1-4k', output: 'stdout', text: 'oh' },
  ];
  assert.equal(
    [
      whole.status,
      whole.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ],
    [200, lines],
  );
  const none = await api.call('GET', '/container/web.1-4k/logs?tail=0');
  assert.equal(none.text.trim().split('\n').length, 1);
  await api.projector.waitFor(await appendLoss(api.log));
  const ofService = await api.call('GET', '/service/web/logs');
  assert.equal([ofService.status, ofService.body.code], [409, 'container_not_running']);
});

for (const path of ['logs', 'stats', 'exec?command=ps']) {
  scene(`${path} of what is not there, or has ended, is refused`, async (api) => {
    const expected: [id: string, status: number, code: string][] = [['web.9-1', 404, 'container_not_found']];
    if (path !== 'logs') expected.push(['web.1-4k', 409, 'container_not_running']);
    for (const [id, status, code] of expected) {
      const answer = path.startsWith('exec')
        ? await refusedUpgrade(api, `/container/${id}/${path}`)
        : await api.call('GET', `/container/${id}/${path}`);
      assert.equal([answer.status, answer.body.code], [status, code]);
    }
    assert.equal(await api.events('ExecStarted'), []);
  });
}

scene(
  'an agent that is heard and opens nothing is too old, and one that is not heard is silent',
  async (api) => {
    const silent = await api.call('GET', `/container/${container}/logs`);
    assert.equal([silent.status, silent.body.code], [504, 'node_silent']);
    const pending = api.call('GET', `/container/${container}/logs`);
    const at = new Date(Date.now() + 500).toISOString();
    const heartbeats = [{ node: 'worker-1', session: 2, sequence: 1, at, containers: 1 }];
    const meta = { actor: 'manager:m', causationId: null };
    await new Promise((resolve) => setTimeout(resolve, 100));
    await api.log.append([{ stream: streams.heartbeats, type: 'HeartbeatsReceived', data: { heartbeats }, meta }]);
    const old = await pending;
    assert.equal([old.status, old.body.code], [501, 'agent_too_old']);
    assert.match(old.body.detail, /worker-1/);
    await api.projector.waitFor(await appendLoss(api.log));
    const lost = await api.call('GET', '/service/web/logs');
    assert.equal([lost.status, lost.body.code], [409, 'container_not_running']);
  },
  { agent: { isAnswering: false }, streamOpenDeadlineMs: 700 },
);

type Exec = { socket: WebSocket; output(): string; errors(): string; end(): Record<string, unknown> | null };

async function openExec(api: TestApi, path: string, headers: Record<string, string> = {}): Promise<Exec> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}${path}`, { headers });
  const received: Record<number, string> = { 1: '', 2: '' };
  let end: Record<string, unknown> | null = null;
  socket.on('message', (message: Buffer, isBinary: boolean) => {
    if (isBinary) received[message[0]!] += message.subarray(1).toString();
    else end = JSON.parse(message.toString());
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return { socket, output: () => received[1]!, errors: () => received[2]!, end: () => end };
}

type Refused = { status: number; body: { code: string; errors: { field: string }[] } };

function refusedUpgrade(api: TestApi, path: string, headers: Record<string, string> = {}): Promise<Refused> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}${path}`, { headers });
    socket.on('open', () => reject(new Error('it was not refused')));
    socket.on('error', () => {});
    socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
  });
}

scene('a command prints and ends with its exit code; who ran it and how it ended is in the log', async (api) => {
  const exec = await openExec(api, `/container/${container}/exec?command=echo&command=hello%20you`);
  const end = await until('the end', exec.end);
  assert.equal(end, { kind: 'end', exitCode: 0 });
  assert.is(exec.output(), 'echo hello you\n');
  await until('the record', async () => (await api.events('ExecEnded')).length === 1);
  const [started, ended] = await api.events('ExecStarted', 'ExecEnded');
  const subject = { container, service: 'web', node: 'worker-1' };
  assert.equal(started!.data, { ...subject, command: ['echo', 'hello you'], tty: false, stdin: false });
  assert.is(started!.meta.actor, 'person:local');
  assert.equal(ended!.data, { ...subject, exitCode: 0, seconds: 0, reason: null });
  assert.is(ended!.meta.causationId, started!.meta.eventId);
  assert.is(api.projector.view.containers.get(container)!.version, 3, 'the stream of the container is as it was');
});

scene('a command gets input and the size of its terminal, and its secrets are masked', async (api) => {
  const exec = await openExec(api, `/container/${container}/exec?command=sh&tty=true&stdin=true&columns=80&rows=24`);
  exec.socket.send(Buffer.from('ls hush-hush-hush\n'));
  await until('the echo', () => exec.output().includes('ls [secret key]\n'));
  exec.socket.send(JSON.stringify({ kind: 'resize', columns: 100, rows: 30 }));
  await until('the size', () => exec.output().includes('100x30'));
  const large = 'x'.repeat(60_000);
  for (let sent = 0; sent < 5; sent += 1) exec.socket.send(Buffer.from(large));
  await until('all of it', () => exec.output().length > 5 * large.length);
  exec.socket.send(JSON.stringify({ kind: 'input end' }));
  assert.equal(await until('the end', exec.end), { kind: 'end', exitCode: 0 });
});

scene('the end of the input is taken after all of it, however much of it waits', async (api) => {
  const exec = await openExec(api, `/container/${container}/exec?command=cat&stdin=true`);
  const messages = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(30_000)}\n`);
  for (const message of messages) exec.socket.send(Buffer.from(message));
  exec.socket.send(JSON.stringify({ kind: 'input end' }));
  assert.equal(await until('the end', exec.end), { kind: 'end', exitCode: 0 });
  assert.is(exec.output(), messages.join(''));
});

scene('a client that leaves ends its command, and that is recorded', async (api) => {
  const exec = await openExec(api, `/container/${container}/exec?command=sh&stdin=true`);
  exec.socket.terminate();
  const [ended] = await until('the record', async () => {
    const found = await api.events('ExecEnded');
    return found.length > 0 ? found : null;
  });
  assert.equal(ended!.data, {
    ...{ container, service: 'web', node: 'worker-1' },
    ...{ exitCode: null, seconds: 0, reason: 'its client left' },
  });
});

scene('what is no message of the protocol ends the command', async (api) => {
  const exec = await openExec(api, `/container/${container}/exec?command=sh&stdin=true`);
  const closed = new Promise<number>((resolve) => exec.socket.once('close', resolve));
  exec.socket.send('{"kind":"dance"}');
  assert.is(await closed, 1008);
  await until('the record', async () => (await api.events('ExecEnded')).length === 1);
});

scene(
  'a command needs scope write, a page of this origin and a WebSocket',
  async (api) => {
    const path = `/container/${container}/exec?command=sh`;
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const cases: [headers: Record<string, string>, status: number, code: string][] = [
      [{}, 401, 'unauthenticated'],
      [bearer('reader'), 403, 'forbidden'],
      [{ ...bearer('writer'), origin: 'https://elsewhere.example' }, 403, 'cross_site'],
    ];
    for (const [headers, status, code] of cases) {
      const refused = await refusedUpgrade(api, path, headers);
      assert.equal([refused.status, refused.body.code], [status, code]);
    }
    const plain = await api.call('GET', path, { headers: bearer('writer') });
    assert.equal([plain.status, plain.body.code], [426, 'upgrade_required']);
    const half = await refusedUpgrade(api, `${path}&columns=80`, bearer('writer'));
    assert.equal([half.status, half.body.errors[0]?.field], [422, 'rows']);
    assert.equal(await api.events('ExecStarted'), []);
    const exec = await openExec(api, path, bearer('writer'));
    await until('the end', exec.end);
    assert.is((await api.events('ExecStarted'))[0]!.meta.actor, 'person:ada');
  },
  {
    tokens: [
      { name: 'bob', token: 'reader', scope: 'read' },
      { name: 'ada', token: 'writer', scope: 'write' },
    ],
  },
);

test.run();
