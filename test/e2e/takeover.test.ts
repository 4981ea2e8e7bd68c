/** A leader that stands still, or that the broker has lost, is succeeded by a manager that has both, and nodes are healed meanwhile. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type DistributedCluster,
  openDistributedCluster,
  whyNoDistributedCluster,
} from '../support/cluster/distributed.ts';
import { type FaultProxy, openFaultProxy } from '../support/servers/fault-proxy.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('takeover');
const whyNot = await whyNoDistributedCluster();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

const workers = ['worker-1', 'worker-2'] as const;
let cluster: DistributedCluster;
/** The way of each manager to the broker. */
const proxies = new Map<string, FaultProxy>();

if (whyNot === null) {
  test.before(async () => {
    cluster = await openDistributedCluster(workers);
    const { hostname: host, port } = new URL(cluster.rabbit.url());
    for (const name of ['one', 'two']) {
      const proxy = await openFaultProxy({ host, port: Number(port) });
      proxies.set(name, proxy);
      await cluster.startManager(name, proxy.through);
    }
    await Promise.all(workers.map((node) => cluster.startAgent(node)));
    await cluster.apiOf('one').ask({ serviceName: 'web', replicas: 2, image });
    await cluster.apiOf('one').converged('web');
  });
  test.after(async () => {
    await cluster.close();
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
  });
}

const leaderAndNext = async () => {
  const { leader } = await cluster.stateOf('one');
  return { term: leader!.term, names: leader!.isSelf ? (['one', 'two'] as const) : (['two', 'one'] as const) };
};

/** Ends one container of `web`, and returns how long its replacement took to run. */
async function replacedAfterMs(manager: string): Promise<number> {
  const [victim] = await cluster.running('web');
  const startedMs = performance.now();
  await cluster.docker.getContainer(victim!.id).kill();
  await until(
    'the replacement runs',
    async () => {
      const rows = await cluster.apiOf(manager).containers('web');
      return (
        rows.filter(({ state }) => state === 'running').length === 2 &&
        rows.every(({ container }) => container !== victim!.container)
      );
    },
    30_000,
  );
  return performance.now() - startedMs;
}

promise(
  'a leader that stands still leaves the reports too: what ends meanwhile is replaced with the election',
  async () => {
    const {
      names: [hung, next],
    } = await leaderAndNext();
    const { child } = cluster.managers.get(hung)!.program;
    child.kill('SIGSTOP');
    try {
      const tookMs = await replacedAfterMs(next);
      assert.ok(tookMs < 6_000, `${tookMs} ms`);
    } finally {
      child.kill('SIGCONT');
    }
    await until('one leader', async () => {
      const [one, two] = await Promise.all([cluster.stateOf('one'), cluster.stateOf('two')]);
      return one.leader?.isSelf !== two.leader?.isSelf && one.leader?.term === two.leader?.term;
    });
  },
);

const refuse = (proxy: FaultProxy) => {
  proxy.stall();
  proxy.cut();
};

for (const [how, part] of [
  ['whose packets to the broker are swallowed', (proxy: FaultProxy) => proxy.stall()],
  ['whose broker refuses it', (proxy: FaultProxy) => refuse(proxy)],
] as const) {
  promise(`a leader ${how} steps down and says why, and another heals`, async () => {
    const {
      term,
      names: [lonely, next],
    } = await leaderAndNext();
    const { leader } = await cluster.stateOf(lonely);
    const proxy = proxies.get(lonely)!;
    part(proxy);
    try {
      await until('the next leads', async () => ((await cluster.stateOf(next)).leader?.term ?? 0) > term, 20_000);
      assert.ok((await cluster.stateOf(next)).leader!.isSelf);
      const resigned = (await cluster.apiOf(next).events('type=ControllerResigned')).at(-1);
      assert.equal(resigned!.data, { term, controllerId: leader!.controllerId, reason: 'no broker' });
      assert.ok((await replacedAfterMs(next)) < 10_000);
    } finally {
      proxy.flow();
    }
    await until(
      'it has the broker again',
      async () => (await cluster.stateOf(lonely)).bus.state === 'connected',
      20_000,
    );
    const { term: later } = await leaderAndNext();
    assert.is(later, term + 1, 'nobody stood again');
    assert.equal(await cluster.apiOf(next).events('type=NodeLost'), []);
  });
}

promise('with every manager cut off nobody flaps, and one leads when the broker is back', async () => {
  const { term } = await leaderAndNext();
  for (const proxy of proxies.values()) proxy.stall();
  await until('it steps down', async () => (await cluster.stateOf('one')).leader === null, 20_000);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const elections = await cluster.apiOf('one').events('type=ControllerElected');
  assert.is((elections.at(-1)!.data as { term: number }).term, term);
  for (const proxy of proxies.values()) proxy.flow();
  await until('one leads', async () => ((await cluster.stateOf('one')).leader?.term ?? 0) === term + 1, 20_000);
  assert.ok((await replacedAfterMs('one')) < 10_000);
});

test.run();
