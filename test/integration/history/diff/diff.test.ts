/** What changed between two points in time: complete, explained by its events, bounded. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DiffRow, diffKinds, diffRows, type RowChange, rowsOf } from '../../../../src/history/diff/diff.ts';
import { changesMax, type DiffBody, diffBetween } from '../../../../src/history/diff/diff-between.ts';
import { eventsKept, readEventsBetween } from '../../../../src/history/diff/diff-events.ts';
import { waitingMax } from '../../../../src/http/routes/diff.ts';
import { coctl } from '../../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../../support/http/http.ts';
import { createCountingLog, openSimulatedLog } from '../../../support/log/simulated-log.ts';
import { stormyHistory } from '../../../support/simulation/random-faults.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { applyFor, ask, exit, runningOf, startScene } from '../../../support/simulation/why-scenarios.ts';
import { specOf } from '../../../support/specs.ts';
import { until } from '../../../support/wait.ts';

const pure = suite('diff');

/** The rows after, from the rows before: what makes a diff complete. */
function applyDiff(before: ReadonlyMap<string, DiffRow>, changes: readonly RowChange[]): Map<string, DiffRow> {
  const rows = new Map(before);
  for (const change of changes) {
    if (change.change === 'removed') rows.delete(change.name);
    else if (change.change === 'added') rows.set(change.name, change.after);
    else {
      const changed = change.fields.map(({ field, after }) => [field, after]);
      rows.set(change.name, { ...rows.get(change.name), ...Object.fromEntries(changed) });
    }
  }
  return rows;
}

const pointOf = ({ view }: SimulatedCluster) => ({ position: view.position, at: view.at, rows: rowsOf(view) });

for (let seed = 1; seed <= 6; seed += 1) {
  pure(`a diff turns the rows before into the rows after, and names what made each change, seed ${seed}`, async () => {
    const points: ReturnType<typeof pointOf>[] = [];
    const cluster = stormyHistory(seed, 40, (now) => points.push(pointOf(now)));
    const log = createCountingLog(cluster.events);
    for (const [index, before] of points.entries()) {
      const after = points[Math.min(points.length - 1, index + 1 + (index % 7))]!;
      for (const kind of diffKinds) {
        const changes = diffRows(before.rows[kind], after.rows[kind]);
        assert.equal(
          sorted(applyDiff(before.rows[kind], changes)),
          sorted(after.rows[kind]),
          `position ${before.position}`,
        );
      }
      const diff = await diffBetween(log, before, after);
      for (const change of diffKinds.flatMap((kind) => diff[kind].changes)) {
        const { events } = change.madeBy;
        assert.ok(events.length > 0, `${change.name} ${change.change} without an event`);
        assert.ok(events.every(({ position }) => position > before.position && position <= after.position));
      }
    }
  });
}

const sorted = (rows: ReadonlyMap<string, unknown>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

pure('no difference between a point in time and itself', async () => {
  const cluster = stormyHistory(3, 20);
  const point = pointOf(cluster);
  const diff = await diffBetween(createCountingLog(cluster.events), point, point);
  assert.equal(
    diffKinds.map((kind) => diff[kind].changes.length),
    [0, 0, 0],
  );
  assert.is(diff.events.read, 0);
});

pure('a thing keeps a few events, its own before others, and counts the rest', async () => {
  const cluster = startScene(3);
  const before = pointOf(cluster);
  ask(cluster, 'alice', applyFor('web', 12, specOf('nginx')), 20_000);
  const diff = await diffBetween(createCountingLog(cluster.events), before, pointOf(cluster));
  const [web] = diff.services.changes;
  const total = cluster.events.filter(({ data }) => 'service' in data && data.service === 'web').length;
  assert.is(web!.madeBy.events[0]!.type, 'ServiceRequested');
  assert.equal([web!.madeBy.events.length, web!.madeBy.more], [eventsKept, total - eventsKept]);
});

pure('of an event no more is kept than what is told', async () => {
  const { events } = stormyHistory(2, 30);
  const { of } = await readEventsBetween(createCountingLog(events), { after: 0, to: events.length });
  const { service } = events.find(({ type }) => type === 'ServiceRequested')!.data as { service: string };
  const [told, again] = [of('services', service).events, of('services', service).events];
  assert.ok(told.length > 0);
  for (const [index, event] of told.entries()) {
    assert.equal(Object.keys(event), ['position', 'at', 'type']);
    assert.is(event, again[index], 'what is told is what is kept');
  }
});

pure('a span too long is read from its end, and says what it left out', async () => {
  const cluster = stormyHistory(2, 30);
  const log = createCountingLog(cluster.events);
  const to = cluster.events.length;
  const { read, unreadThrough } = await readEventsBetween(log, { after: 0, to }, { readMax: 1 });
  assert.ok(to > 0 && read > 0);
  assert.is(unreadThrough, to > read ? to - read : null);
});

pure('more changes than a page holds are counted', async () => {
  const rows = new Map(Array.from({ length: changesMax + 20 }, (_, n) => [`web.${n}-1`, { state: 'running' }]));
  const none = new Map();
  const point = (position: number, containers: typeof rows) => ({
    ...{ position, at: '2026-01-01T00:00:00.000Z' },
    rows: { services: none, nodes: none, containers },
  });
  const diff = await diffBetween(createCountingLog([]), point(0, none), point(0, rows));
  assert.equal(
    [diff.containers.changes.length, diff.containers.more, diff.containers.added],
    [changesMax, 20, changesMax + 20],
  );
});

pure.run();

const online = suite('diff over HTTP and coctl');
let api: TestApi;
let calm: number;
let crashed: string;

online.before(async () => {
  const cluster = startScene(2);
  ask(cluster, 'alice', applyFor('web', 2, specOf('nginx')));
  calm = cluster.events.length;
  ask(cluster, 'carol', { kind: 'patch', service: 'web', replicas: 1 });
  [crashed] = runningOf(cluster, 'web') as [string];
  exit(cluster, crashed, 3, ['bye']);
  api = await startApi(await openSimulatedLog(cluster.events, cluster.nowMs));
});
online.after(async () => {
  await api.close();
  await api.log.close();
});

online('between two positions: field by field, and the events that did it', async () => {
  const { status, body } = await api.call('GET', `/diff?from=${calm}`);
  assert.is(status, 200);
  const diff = body as DiffBody;
  assert.is(diff.from.position, calm);
  const [web] = diff.services.changes;
  const fields = web?.change === 'changed' ? web.fields : [];
  assert.equal(
    fields.find(({ field }) => field === 'replicas'),
    { field: 'replicas', before: 2, after: 1 },
  );
  assert.ok(web!.madeBy.events.some(({ type }) => type === 'ServiceScaled'));
  const gone = diff.containers.changes.find(({ name }) => name === crashed)!;
  assert.is(gone.change, 'removed');
  assert.equal(
    gone.madeBy.events.map(({ type }) => type),
    ['ContainerFailed'],
  );
  assert.equal([diff.containers.added, diff.containers.removed], [1, 2]);
});

online('points in time that make no sense are refused', async () => {
  const codeOf = async (query: string) => (await api.call('GET', `/diff?${query}`)).body.code;
  assert.is(await codeOf(`from=${calm + 5}&to=${calm}`), 'query_contradictory');
  assert.is(await codeOf('from=999999'), 'moment_in_future');
  assert.is(await codeOf('to=5'), 'query_invalid');
});

online('so many diffs wait for their turn, and more are asked to come again', async () => {
  const { log } = api;
  const read = log.read;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let reading = 0;
  log.read = async (query) => {
    reading += 1;
    await gate;
    return read.call(log, query);
  };
  const compare = () => api.call('GET', `/diff?from=${calm}&to=${calm + 1}`);
  try {
    const first = compare();
    await until('the first one reads', () => reading === 1);
    const statuses: string[] = [];
    const others = Array.from({ length: waitingMax + 3 }, async () => {
      const { status, body } = await compare();
      statuses.push(`${status} ${body.code ?? ''}`);
    });
    await until('three are refused', () => statuses.length === 3);
    assert.equal(statuses, Array(3).fill('503 replays_full'));
    assert.is(reading, 1, 'the others wait');
    open();
    await Promise.all(others);
    assert.is((await first).status, 200);
    assert.is(statuses.filter((status) => status === '200 ').length, waitingMax);
  } finally {
    open();
    log.read = read;
  }
});

online('coctl diff shows it and ends with 1, like any diff', async () => {
  const run = await coctl(['diff', `${calm}`], { environment: { CO_URL: api.url } });
  assert.is(run.code, 1);
  assert.match(run.out, /^services: 0 added, 0 removed, 1 changed$/m);
  assert.match(run.out, /^ {2}~ web$/m);
  assert.match(run.out, /^ {6}replicas: 2 → 1$/m);
  assert.match(run.out, /by .*ServiceScaled \d+/);
  assert.match(run.out, new RegExp(`^ {2}- ${crashed} {2}node worker-\\d, image nginx, state running$`, 'm'));
  const none = await coctl(['diff', `${calm}`, `${calm}`], { environment: { CO_URL: api.url } });
  assert.equal([none.code, none.out.split('\n')[1]], [0, 'nothing changed']);
});

online.run();
