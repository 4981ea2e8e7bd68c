/** Every event has a sentence a person can read: no JSON, no holes, one line. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventData } from '../../../../src/events/schema/catalog.ts';
import { catalog } from '../../../../src/events/schema/catalog.ts';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { describeSpecChanges, detailsOf } from '../../../../src/history/sentences/event-details.ts';
import { sentenceOf } from '../../../../src/history/sentences/event-sentences.ts';
import {
  describeActor,
  formatBytes,
  formatDuration,
  formatNames,
  formatTimeBeside,
} from '../../../../src/history/sentences/format-values.ts';
import { readGolden } from '../../../golden/golden-file.ts';
import { createHistory, spec } from '../../../support/log/history.ts';

const test = suite('words for events');

const golden = readGolden().flatMap(({ position, at, event }) =>
  toLogEvents({
    ...{ slot: position, first: position, count: 1, at, writer: 'test', commitId: '', bodyHash: '', hash: '' },
    class: event.version === 0 ? 'telemetry' : 'fact',
    appends: [{ appendId: '', count: 1 }],
    events: [event],
  }),
);

test('every event ever written has a sentence of one line without JSON and holes', () => {
  assert.equal(
    Object.keys(catalog).filter((type) => !golden.some((event) => event.type === type)),
    [],
  );
  for (const event of golden) {
    for (const line of [sentenceOf(event), ...detailsOf(event)]) {
      assert.match(line, /^\S.{5,400}$/, `${event.type}: ${line}`);
      assert.not.match(line, /undefined|null|NaN|\[object|[{}]|\.$/, `${event.type}: ${line}`);
    }
  }
});

test('a failure says how it ended and shows the last lines', () => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 1);
  const id = history.queued('web', 1, 'worker-1');
  history.running(id);
  const failed = history.failed(id, 'oom', 'out of memory: the kernel ended it at its limit of 500 bytes');
  assert.is(
    sentenceOf(failed),
    `${id} ran out of memory on worker-1: out of memory: the kernel ended it at its limit of 500 bytes`,
  );
  const exited = {
    ...failed,
    data: { ...failed.data, reason: 'exited', message: 'exit code 3', exitCode: 3, logTail: ['no config', 'bye'] },
  };
  assert.equal(detailsOf(exited as never), ['log: no config', 'log: bye']);
});

test('an engine that talks in lines and at length stays one line, and all of it is in the details', () => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 1);
  const id = history.queued('web', 1, 'worker-1');
  const failed = history.failed(id, 'image', `manifest unknown\n${'x'.repeat(500)}`);
  assert.not.match(sentenceOf(failed), /\n/);
  assert.ok(sentenceOf(failed).length < 320);
  assert.equal(detailsOf(failed), ['message: manifest unknown', `message: ${'x'.repeat(500)}`]);
});

test('what changed in a container spec is described by member, values of environment and labels are not', () => {
  const before = spec({
    image: 'nginx:1.27',
    env: [
      { name: 'KEY', value: 'old' },
      { name: 'GONE', value: '1' },
    ],
  });
  const after = spec({
    image: 'nginx:1.28',
    env: [
      { name: 'KEY', value: 'new' },
      { name: 'MORE', secret: 'web' },
    ],
    resources: { memoryBytes: 2 ** 29, cpuMillis: 1_500 },
    ports: [{ container: 80, host: 8080, protocol: 'tcp' }],
  });
  assert.equal(describeSpecChanges(before, after), [
    'image nginx:1.27 → nginx:1.28',
    'env KEY changed, GONE removed, MORE added',
    'ports none → 8080:80/tcp',
    'memory unlimited → 512 MiB',
    'CPUs unlimited → 1.5 CPUs',
  ]);
  assert.equal(describeSpecChanges(before, before), []);
});

test('options are described by member, with what is absent as the default', () => {
  const before = spec({ user: '1000', resources: { memoryBytes: 2 ** 29, cpuMillis: null } });
  const after = spec({
    capAdd: ['NET_RAW'],
    init: false,
    resources: { memoryBytes: 2 ** 29, cpuMillis: null, reserve: { memoryBytes: 2 ** 28, cpuMillis: 500 } },
  });
  assert.equal(describeSpecChanges(before, after), [
    'reserve as the limits → 256 MiB and 0.5 CPUs',
    'user 1000 → by default',
    'init by default → false',
    'capAdd by default → ["NET_RAW"]',
  ]);
});

test('what of its machine a node lets containers use is said with its registration', () => {
  const history = createHistory();
  const { data } = history.node('worker-1') as { data: EventData<'NodeRegistered'> };
  const allowing = history.add('NodeReturned', { ...data, hostAccess: { binds: ['/srv'], devices: ['/dev/fuse'] } });
  assert.match(sentenceOf(allowing), /; its containers may use \/srv and \/dev\/fuse$/);
  assert.not.match(sentenceOf(history.returned('worker-1')), /may use/);
});

test('durations have their two largest units', () => {
  const said = [0, 999, 1_000, 5_230, 59_960, 60_000, 250_000, 7_500_000, 273_600_000].map(formatDuration);
  assert.equal(said, ['0 ms', '999 ms', '1 s', '5.2 s', '1 min', '1 min', '4 min 10 s', '2 h 5 min', '3 d 4 h']);
});

test('names, sizes, times and people', () => {
  assert.is(formatNames(['a']), 'a');
  assert.is(formatNames(['a', 'b'], 9), 'a, b and 7 more');
  assert.is(formatNames(['a', 'b', 'c']), 'a, b and c');
  assert.equal([90, 512 * 2 ** 20, 8_374_182_707].map(formatBytes), ['90 bytes', '512 MiB', '7.8 GiB']);
  assert.is(formatTimeBeside('2026-01-01T10:00:00.000Z', '2026-01-01T11:00:00.000Z'), '10:00:00.000');
  assert.is(formatTimeBeside('2026-01-01T10:00:00.000Z', '2026-01-02T11:00:00.000Z'), '2026-01-01 10:00:00.000');
  assert.equal(['person:alice', 'person:local', 'node:worker-1', 'controller'].map(describeActor), [
    'alice',
    'a local caller',
    'worker-1',
    'the controller',
  ]);
});

test.run();
