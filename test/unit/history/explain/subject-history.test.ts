/** The history of one thing: its facts in order, the time between them, the last so many. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readHistory } from '../../../../src/history/explain/subject-history.ts';
import { createCountingLog } from '../../../support/log/simulated-log.ts';
import { applyFor, ask, runningOf, startScene } from '../../../support/simulation/why-scenarios.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('history');

const cluster = startScene(2);
ask(cluster, 'alice', applyFor('web', 2, specOf('nginx')));
ask(cluster, 'carol', { kind: 'patch', service: 'web', replicas: 1 });
const log = createCountingLog(cluster.events);

test('of a service: its own facts and those of its containers, with the time between them', async () => {
  const { kind, lines, isCut } = await readHistory(log.read, 'web', { limit: 1_000 });
  assert.is(kind, 'service');
  assert.is(isCut, false);
  assert.is(lines[0]!.sentence, 'alice requested 2 replicas of web from nginx (generation 1)');
  assert.is(lines[0]!.afterMs, null);
  assert.equal(
    lines.map(({ position }) => position),
    cluster.events.filter(({ data }) => 'service' in data && data.service === 'web').map(({ position }) => position),
  );
  for (const [index, line] of lines.entries()) {
    if (index > 0) assert.is(line.afterMs, Date.parse(line.at) - Date.parse(lines[index - 1]!.at));
  }
});

test('of a node and of a container, found by the name alone', async () => {
  assert.is((await readHistory(log.read, 'worker-1', { limit: 10 })).kind, 'node');
  const [id] = runningOf(cluster, 'web');
  const { kind, lines } = await readHistory(log.read, id!, { limit: 10 });
  assert.is(kind, 'container');
  assert.equal(
    lines.map(({ type }) => type),
    ['ContainerQueued', 'ContainerStarting', 'ContainerRunning'],
  );
});

test('the last so many, and whether there were more', async () => {
  const all = (await readHistory(log.read, 'web', { limit: 1_000 })).lines;
  const { lines, isCut } = await readHistory(log.read, 'web', { limit: 3 });
  assert.equal(
    lines.map(({ position }) => position),
    all.slice(-3).map(({ position }) => position),
  );
  assert.is(isCut, true);
  assert.is((await readHistory(log.read, 'web', { limit: all.length })).isCut, false);
});

test('between two times', async () => {
  const since = '2026-01-01T00:00:07.000Z';
  const { lines } = await readHistory(log.read, 'web', { limit: 100, since });
  assert.is(lines[0]!.sentence, 'carol scaled web from 2 to 1 replica (generation 2)');
  const { lines: before } = await readHistory(log.read, 'web', { limit: 100, until: '2026-01-01T00:00:02.000Z' });
  assert.equal(
    before.map(({ type }) => type),
    ['ServiceRequested', 'ContainerQueued', 'ContainerQueued'],
  );
});

test('a name nobody knows is refused, and one that two have has to say which', async () => {
  const codeOf = (name: string) =>
    readHistory(log.read, name, { limit: 1 }).then(
      () => 'none',
      ({ code }) => code,
    );
  assert.is(await codeOf('nobody'), 'subject_not_found');
  const both = startScene(1);
  ask(both, 'alice', applyFor('worker-1', 1, specOf('nginx')));
  const { read } = createCountingLog(both.events);
  assert.is(
    await readHistory(read, 'worker-1', { limit: 1 }).then(
      () => 'none',
      ({ code }) => code,
    ),
    'subject_ambiguous',
  );
  assert.is((await readHistory(read, 'worker-1', { limit: 1, kind: 'service' })).lines.length, 1);
});

test.run();
