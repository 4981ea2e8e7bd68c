import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDigestAnswers } from '../../../../src/agent/containers/digest-answers.ts';
import { createStartLimiter } from '../../../../src/agent/containers/start-limiter.ts';
import { createWorker } from '../../../../src/agent/containers/worker.ts';
import type { Engine } from '../../../../src/agent/engine/engine.ts';
import { createContact } from '../../../../src/agent/reports/contact.ts';
import type { ReportBody, Reporter } from '../../../../src/agent/reports/reporter.ts';
import { createSimulatedMachine } from '../../../../src/agent/simulated/simulated-engine.ts';
import type { BusStatus } from '../../../../src/bus/bus.ts';
import type { WantedCommand } from '../../../../src/bus/messages.ts';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { ContainerState } from '../../../../src/model/container.ts';
import { noHostAccess } from '../../../../src/model/host-access.ts';
import { spec, specHashOf } from '../../../support/log/history.ts';
import { until } from '../../../support/wait.ts';

const test = suite('worker');

const clusterId = randomUUID();
const requested = spec();
const specHash = specHashOf(requested);

const connected: BusStatus = { state: 'connected', description: 'test', trouble: null };

const openMachine = () => {
  const machine = createSimulatedMachine({ clock: systemClock }, { latencyMs: 0 });
  return { machine, engine: machine.engine({ clusterId, clusterName: 'test', node: 'a' }) };
};

function openWorker(engine: Engine, onReport: (container: string, reported: ReportBody) => void) {
  const closing = new AbortController();
  const reporter: Reporter = {
    ...{ report: onReport, replace: onReport, sendUnreliably() {}, drop() {} },
    ...{ drained: async () => {}, close() {} },
  };
  const parallelStarts = createStartLimiter(100);
  const rest = {
    secretsDir: null,
    hostAccess: noHostAccess,
    contact: createContact({ bus: { status: () => connected }, clock: systemClock }),
    clock: systemClock,
    logger: silentLogger,
  };
  const images = { digests: createDigestAnswers({ reporter }), openLogin: () => ({ username: '', password: '' }) };
  const worker = createWorker(
    { engine, parallelStarts, reporter, ...images, ...rest },
    { closing: closing.signal, hasSession: () => true },
  );
  return { ...worker, close: () => closing.abort() };
}

function wantedSet(count: number, state: ContainerState): WantedCommand {
  const head = { kind: 'wanted', clusterId, node: 'a', session: 1, position: 2, causationId: 'fact-1' } as const;
  const containers = Array.from({ length: count }, (_, index) => {
    const run = { container: `web.${index + 1}-a`, service: 'web', slot: index + 1, generation: 1, specHash };
    return { ...run, state, causationId: 'fact-1' };
  });
  return { ...head, registrationId: null, specs: [{ specHash, spec: requested }], containers };
}

test('a wanted set of thousands leaves the event loop its turns', async () => {
  const reportedInTick: number[] = [0];
  const worker = openWorker(openMachine().engine, () => {
    reportedInTick[reportedInTick.length - 1]! += 1;
  });
  let isDone = false;
  const nextTurn = () => {
    reportedInTick.push(0);
    if (!isDone) setImmediate(nextTurn);
  };
  setImmediate(nextTurn);
  await worker.sync(wantedSet(4_000, 'in queue'), []);
  isDone = true;
  worker.close();
  assert.ok(reportedInTick.reduce((sum, count) => sum + count) >= 4_000, `${reportedInTick}`);
  // Two of each container: the simulated engine starts it at once.
  assert.ok(Math.max(...reportedInTick) <= 1_000, `${reportedInTick}`);
});

test('what ends before the wanted set has come to it is looked at afterwards', async () => {
  const { machine, engine } = openMachine();
  const first = openWorker(engine, () => {});
  await first.sync(wantedSet(3_000, 'in queue'), []);
  await until('all of them to run', () => first.running() === 3_000);
  first.close();

  const last = 'web.3000-a';
  const reported: string[] = [];
  const next = openWorker(engine, (container, { kind }) => reported.push(`${container} ${kind}`));
  const synced = next.sync(wantedSet(3_000, 'running'), await engine.list());
  machine.kill(last, 1);
  next.look(last);
  await synced;
  await until('its end', () => reported.length > 0);
  assert.equal(reported, [`${last} failed`]);
  assert.is(next.running(), 2_999);
  next.close();
});

test('a container that waits for its digest takes it from a wanted set as well', async () => {
  const digest = `sha256:${'1'.repeat(64)}`;
  const { engine } = openMachine();
  const created: string[] = [];
  const reported: string[] = [];
  const watched: Engine = {
    ...engine,
    create(request) {
      created.push(request.image);
      return engine.create(request);
    },
  };
  const worker = openWorker(watched, (_container, { kind }) => reported.push(kind));
  const withDigest = (known: string | null): WantedCommand => {
    const wanted = wantedSet(1, 'in queue');
    return { ...wanted, containers: wanted.containers.map((container) => ({ ...container, digest: known })) };
  };
  await worker.sync(withDigest(null), []);
  await until('it to ask', () => reported.includes('image'));
  assert.equal(created, []);
  await worker.sync({ ...withDigest(digest), position: 3 }, []);
  await until('it to run', () => worker.running() === 1);
  worker.close();
  assert.equal(created, [`nginx@${digest}`]);
});

test.run();
