/** Why, over HTTP and on the command line: a real server on the log of a real history. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coctl } from '../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openSimulatedLog } from '../../support/log/simulated-log.ts';
import { applyFor, ask, exit, runningOf, startScene } from '../../support/simulation/why-scenarios.ts';
import { specOf } from '../../support/specs.ts';

const test = suite('why over HTTP and coctl');
let api: TestApi;
let crashed: string;
let beforeCrash: number;
const run = (...args: string[]) => coctl(args, { environment: { CO_URL: api.url } });

test.before(async () => {
  const cluster = startScene(2);
  ask(cluster, 'alice', applyFor('web', 2, specOf('nginx')));
  ask(cluster, 'alice', applyFor('old', 1, specOf('nginx')));
  ask(cluster, 'eve', { kind: 'remove', service: 'old' });
  beforeCrash = cluster.events.length;
  [crashed] = runningOf(cluster, 'web') as [string];
  exit(cluster, crashed, 3, ['reading config', 'fatal: \u001b[31mno config']);
  api = await startApi(await openSimulatedLog(cluster.events, cluster.nowMs));
});
test.after(async () => {
  await api.close();
  await api.log.close();
});

test('a container is explained, with what it replaces and what replaced it', async () => {
  const { status, body } = await api.call('GET', `/container/${crashed}/why`);
  assert.is(status, 200);
  assert.equal(body.subject.state, 'failed');
  assert.match(
    body.answer,
    /because it exited by itself on worker-\d: exit code 3; web\.1-\w+ on worker-\d replaced it$/,
  );
  assert.is(body.chain[0].details[0], 'log: reading config');
  assert.is(body.chain.at(-1).actor, 'person:alice');
  const next = await api.call('GET', `/container/${body.replacedBy}/why`);
  assert.is(next.body.replaces, crashed);
});

test('a service is explained now, at a point in its past, and after its end', async () => {
  const now = await api.call('GET', '/service/web/why');
  assert.match(now.body.answer, /^web is converged: 2 of 2 replicas run; alice requested 2 replicas of web from nginx/);
  assert.ok(now.body.chain.some(({ type }: { type: string }) => type === 'ContainerFailed'));
  const then = await api.call('GET', `/service/web/why?at=${beforeCrash}`);
  assert.is(then.body.position, beforeCrash);
  assert.not.ok(then.body.chain.some(({ type }: { type: string }) => type === 'ContainerFailed'));
  const old = await api.call('GET', '/service/old/why');
  assert.match(old.body.answer, /^old was removed at .*, because eve asked to remove old/);
});

test('an unknown subject is 404, an impossible one 400', async () => {
  const tell = async (path: string) => {
    const { status, body } = await api.call('GET', path);
    return [status, body.code];
  };
  assert.equal(await tell('/container/web.1-zz/why'), [404, 'container_not_found']);
  assert.equal(await tell('/service/nobody/why'), [404, 'service_not_found']);
  assert.equal(await tell('/container/nonsense/why'), [400, 'path_invalid']);
  assert.equal(await tell('/service/web/why?at=999999'), [404, 'moment_in_future']);
});

test('coctl why prints the answer and the chain without terminal control characters', async () => {
  const { code, out } = await run('why', crashed);
  assert.is(code, 0);
  const [answer, , first] = out.split('\n');
  assert.match(answer!, new RegExp(`^${crashed} failed at `));
  assert.match(
    first!,
    /^ +\d+ {2}2026-01-01 00:00:\d\d\.\d{3} {2}web\.1-\w+ exited by itself on worker-\d: exit code 3 {2}\[from \d+\]$/,
  );
  assert.match(out, /^ +log: fatal:/m);
  assert.is(out.includes('\u001b'), false);
  const unknown = await run('why', 'nobody');
  assert.is(unknown.code, 1);
  assert.match(unknown.err, /no service was ever called nobody \(service_not_found\)/);
  assert.is((await run('why', 'web', '--json')).json().subject.service, 'web');
});

test('coctl history prints a line for each event of a subject', async () => {
  const { code, out } = await run('history', crashed);
  assert.is(code, 0);
  const lines = out.trimEnd().split('\n');
  assert.is(lines.length, 4);
  assert.match(lines[0]!, /^2026-01-01 00:00:02\.000 +web\.1-\w+ was placed on worker-\d/);
  assert.match(lines[3]!, /^2026-01-01 00:00:\d\d\.\d{3} +\+[\d.]+ s {2}web\.1-\w+ exited by itself/);
  const cut = await run('history', 'web', '--limit', '2');
  assert.is(cut.out.trimEnd().split('\n').length, 3);
  assert.is((await run('history', 'worker-1', '--json')).json().kind, 'node');
  assert.is((await run('history', 'nobody')).code, 1);
  assert.is((await run('history', 'web', '--since', 'someday')).code, 2);
  assert.is((await run('history', 'web', '--limit', '0')).code, 2);
});

test.run();
