/** The command `coctl whatif`: of a manager and of a log the same answer, in tables for people, and a log that stays as it was. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../src/clock.ts';
import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { createSqliteStore } from '../../../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../../../src/logger.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { record } from '../../support/log/recorded-log.ts';

const test = suite('coctl whatif');
let folder: string;
let path: string;
let log: EventLog;
let api: TestApi;

const online = (...args: string[]) => coctl(['whatif', ...args], { environment: { CO_URL: api.url } });
const offline = (...args: string[]) => coctl(['whatif', '--sqlite', path, ...args]);

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-whatif-'));
  path = join(folder, 'events.sqlite');
  const store = await createSqliteStore({ path });
  const clock = { nowMs: Date.parse('2026-01-01T00:00:00.000Z') };
  log = await createCommitLog(
    { store, clock: { ...systemClock, nowMs: () => clock.nowMs }, logger: silentLogger },
    { writer: 'test' },
  );
  await record(log, clock);
  api = await startApi(log);
});
test.after.each(async () => {
  await api.close();
  await log.close();
  await rm(folder, { recursive: true });
});

test('a log is asked beside the manager that writes it, and gives the same answer', async () => {
  const { position } = await log.head();
  const [node] = [...api.projector.view.nodes.keys()];
  const [service] = [...api.projector.view.services.keys()];
  for (const change of [
    ['--kill', node!],
    ['--scale', `${service}=9`],
    ['--drain', node!, '--remove', service!],
  ]) {
    const question = [...change, '--at', String(position), '--json'];
    const [asked, workedOut] = [await online(...question), await offline(...question)];
    assert.is(asked.err, '');
    assert.equal(asked.json(), workedOut.json(), change.join(' '));
    assert.is(asked.code, workedOut.code);
  }
  const { events } = await log.read({ after: position, class: 'fact' });
  assert.equal(events, []);
});

test('people get what happens, each service before and after, what was supposed, and the verdict last', async () => {
  const [service] = [...api.projector.view.services.keys()];
  const { code, out } = await online('--scale', `${service}=9`);
  assert.is(code, 0, out);
  assert.match(out, /^from position \d+, 2026-01-01 .* UTC; nothing is changed\n\nAFTER +WHAT +WHY\n0\.000 s /);
  assert.match(out, /^SERVICE +BEFORE +AFTER +MOVED/m);
  assert.match(out, new RegExp(`^${service} .* 9/9 converged`, 'm'));
  assert.match(out, /^supposed: a start takes /m);
  assert.match(out.trimEnd().split('\n').at(-1)!, /^converges after [\d.]+ m?s/);
});

test('what would not converge ends with 1, what cannot be asked with 2 or its refusal', async () => {
  const nodes = [...api.projector.view.nodes.keys()];
  const killed = nodes.slice(0, -1).flatMap((node) => ['--kill', node]);
  const held = await offline(...killed);
  assert.is(held.code, 1);
  assert.match(held.out, /does not converge: \d of \d nodes fell silent together/);
  assert.is((await online()).code, 2);
  assert.is((await online('--scale', 'web')).code, 2);
  assert.is((await online('--image', 'web')).code, 2);
  assert.is((await online('--kill', nodes[0]!, '--within', '2h')).code, 2);
  const unknown = await online('--kill', 'worker-99');
  assert.equal([unknown.code, unknown.err], [1, 'no node is called worker-99 (node_not_found)\n']);
  assert.is((await coctl(['whatif', '--kill', 'a'], { environment: { CO_URL: 'http://127.0.0.1:1' } })).code, 3);
});

test.run();
