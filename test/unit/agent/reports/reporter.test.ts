import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createReporter, type ReportBody } from '../../../../src/agent/reports/reporter.ts';
import type { AgentBus } from '../../../../src/bus/bus.ts';
import type { Report } from '../../../../src/bus/messages.ts';
import { systemClock } from '../../../../src/clock.ts';
import { AppError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { until } from '../../../support/wait.ts';

const test = suite('reporter');

const starting: ReportBody = { kind: 'starting', causationId: null };
const stopped: ReportBody = { kind: 'stopped', causationId: null, exitCode: 0 };
const completed: ReportBody = { kind: 'completed', causationId: null, logTail: [] };

function open() {
  const sent: Report[] = [];
  const state = { isAway: false, session: 7 as number | null, tries: 0, onTheirWay: 0, onTheirWayMost: 0 };
  const bus = {
    async sendReport(report: Report) {
      const { isAway } = state;
      state.tries += 1;
      state.onTheirWay += 1;
      state.onTheirWayMost = Math.max(state.onTheirWayMost, state.onTheirWay);
      await new Promise(setImmediate);
      state.onTheirWay -= 1;
      if (isAway) throw new AppError('bus_unavailable', 'away', { retryable: true });
      sent.push(report);
    },
  } as AgentBus;
  const reporter = createReporter(
    { bus, clock: systemClock, logger: silentLogger },
    {
      clusterId: randomUUID(),
      node: 'a',
      session: () => state.session,
    },
  );
  const names = () => sent.map((report) => `${'container' in report ? report.container : ''} ${report.kind}`);
  return { reporter, state, sent, names };
}

test('a report carries its envelope and is confirmed once', async () => {
  const { reporter, sent } = open();
  let confirmed = 0;
  reporter.report('web.1-a', starting, () => {
    confirmed += 1;
  });
  await reporter.drained();
  assert.is(sent.length, 1);
  const [report] = sent;
  assert.ok(report?.kind === 'starting' && report.session === 7 && report.node === 'a');
  assert.is(confirmed, 1);
  reporter.close();
});

test('what the bus did not take is sent again, in order for each container, confirmed only then', async () => {
  const { reporter, state, names } = open();
  state.isAway = true;
  const confirmed: string[] = [];
  for (const container of ['web.1-a', 'web.2-b']) {
    reporter.report(container, starting, () => confirmed.push(`${container} starting`));
    reporter.report(container, stopped, () => confirmed.push(`${container} stopped`));
  }
  await until('a try of each', () => state.tries >= 2);
  assert.equal(confirmed, []);
  state.isAway = false;
  await reporter.drained();
  const ofOne = (all: string[], container: string) => all.filter((name) => name.startsWith(container));
  for (const container of ['web.1-a', 'web.2-b']) {
    const inOrder = [`${container} starting`, `${container} stopped`];
    assert.equal(ofOne(names(), container), inOrder);
    assert.equal(ofOne(confirmed, container), inOrder);
  }
  reporter.close();
});

test('what waits already is not reported twice', async () => {
  const { reporter, names } = open();
  reporter.report('web.1-a', starting);
  reporter.report('web.1-a', starting);
  await reporter.drained();
  assert.equal(names(), ['web.1-a starting']);
  reporter.report('web.1-a', starting);
  await reporter.drained();
  assert.is(names().length, 2);
  reporter.close();
});

test('what is dropped is neither sent again nor confirmed', async () => {
  const { reporter, state, names } = open();
  state.isAway = true;
  let confirmed = 0;
  reporter.report('web.1-a', completed, () => {
    confirmed += 1;
  });
  await until('a try', () => state.tries === 1);
  reporter.drop('web.1-a');
  state.isAway = false;
  reporter.report('web.2-b', completed);
  await reporter.drained();
  assert.equal(names(), ['web.2-b completed']);
  assert.is(confirmed, 0);
  reporter.close();
});

test('ten thousand containers are reported, each once and in order, some hundred at a time', async () => {
  const { reporter, state, names } = open();
  const containers = Array.from({ length: 10_000 }, (_, index) => `web.${index + 1}-a`);
  for (const container of containers) reporter.report(container, starting);
  for (const container of containers) reporter.report(container, completed);
  await reporter.drained();
  assert.is(names().length, 20_000);
  assert.is(new Set(names()).size, 20_000);
  const firstOf = new Map<string, string>();
  for (const name of names()) {
    const [container = '', kind = ''] = name.split(' ');
    if (!firstOf.has(container)) firstOf.set(container, kind);
  }
  assert.equal(new Set(firstOf.values()), new Set(['starting']));
  assert.is(state.onTheirWayMost, 200);
  reporter.close();
});

test('while the bus is away, few are tried and all are kept', async () => {
  const { reporter, state, names } = open();
  state.isAway = true;
  const containers = Array.from({ length: 5_000 }, (_, index) => `web.${index + 1}-a`);
  for (const container of containers) reporter.report(container, starting);
  await until('a second round', () => state.tries > 200);
  assert.ok(state.tries <= 400, `${state.tries} tries`);
  state.isAway = false;
  await reporter.drained();
  assert.is(new Set(names()).size, 5_000);
  reporter.close();
});

test('a mention is sent when nothing waits, and never kept', async () => {
  const { reporter, state, names } = open();
  const progress: ReportBody = {
    kind: 'pull-progress',
    causationId: null,
    image: 'nginx',
    currentBytes: 1,
    totalBytes: 2,
  };
  reporter.report('web.1-a', starting);
  reporter.sendUnreliably('web.1-a', progress);
  await reporter.drained();
  reporter.sendUnreliably('web.1-a', progress);
  await until('the mention', () => names().length === 2);
  state.isAway = true;
  reporter.sendUnreliably('web.1-a', progress);
  await reporter.drained();
  assert.equal(names(), ['web.1-a starting', 'web.1-a pull-progress']);
  reporter.close();
});

test('without a session nothing is reported', async () => {
  const { reporter, state, names } = open();
  state.session = null;
  reporter.report('web.1-a', starting);
  await reporter.drained();
  assert.equal(names(), []);
  reporter.close();
});

test.run();
