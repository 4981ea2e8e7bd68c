/** GET /metrics of a running manager: what is counted, what is measured, and what leaves when its subject is gone. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { missingImagePrefix } from '../../../src/agent/simulated/simulated-engine.ts';
import { systemClock } from '../../../src/clock.ts';
import { readConfig } from '../../../src/daemon/config.ts';
import { type Manager, startManager } from '../../../src/daemon/manager.ts';
import { measureAppends } from '../../../src/daemon/metrics/append-metrics.ts';
import { createMetrics } from '../../../src/daemon/metrics/metrics.ts';
import { createNodeAgents, type NodeAgents } from '../../../src/daemon/node-agents.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createProjector } from '../../../src/projections/live/projector.ts';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { openEventStream } from '../../support/http/event-stream.ts';
import { callApi, oneService, startApi } from '../../support/http/http.ts';
import { createFaultyLog, openMemoryLog } from '../../support/http/http-logs.ts';
import { promtool, runPromtool } from '../../support/http/promtool.ts';
import { type Scrape, scrape } from '../../support/http/scrape.ts';
import { until } from '../../support/wait.ts';

const test = suite('metrics');
if (promtool === null) console.log('skipped: CO_TEST_PROMTOOL is not set');
const withPromtool = promtool === null ? test.skip : test;

let dataDir: string;
let manager: Manager;
let agents: NodeAgents;
let api: Api;

const start = async () => {
  const speed = ['--heartbeat-ms', '100', '--node-timeout-ms', '1000'];
  const config = readConfig(
    ['--data', dataDir, '--port', '0', '--engine', 'simulated', '--workers', '3', ...speed],
    {},
  );
  manager = await startManager(config, { logger: silentLogger, onFatal: () => {} });
  const deps = { cluster: manager.cluster, busOf: manager.agentBus!, logger: silentLogger };
  agents = await createNodeAgents(config, deps);
  await agents.start(() => {});
  api = createApi(manager.url);
};
const stop = async () => {
  await agents.close();
  await manager.close();
};
const metricsWhen = (what: string, condition: (metrics: Scrape) => boolean) =>
  until(what, async () => {
    const metrics = await scrape(manager.url);
    return condition(metrics) ? metrics : null;
  });

test.before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'co-metrics-'));
  await start();
});
test.after(async () => {
  await stop();
  await rm(dataDir, { recursive: true, force: true });
});

withPromtool('promtool finds nothing to say about names, types and help', async () => {
  const { text } = await scrape(manager.url);
  const { exitCode, output } = await runPromtool(['check', 'metrics'], text);
  assert.is(output, '');
  assert.is(exitCode, 0);
});

test('HTTP calls are measured by route, method and class of status, event streams are not', async () => {
  const call = { route: '/service/:name', method: 'GET', status_class: '4xx' };
  for (const name of ['none', 'nothing']) await api.call('GET', `/service/${name}`);
  await api.call('GET', '/no/such/path');
  const stream = await openEventStream(manager.url, '/events');
  stream.close();
  await api.get('/events');
  const metrics = await metricsWhen('all calls are measured', ({ value }) => {
    const name = 'co_http_request_duration_seconds_count';
    return value(name, { route: '/events', method: 'GET', status_class: '2xx' }) === 1;
  });
  assert.is(metrics.value('co_http_request_duration_seconds_count', call), 2);
  assert.ok(metrics.value('co_http_request_duration_seconds_sum', call)! > 0);
  assert.is(metrics.value('co_http_request_duration_seconds_count', { ...call, route: 'none' }), 1);
});

test('a service shows its replicas, their starts and how long they were in queue', async () => {
  const before = await scrape(manager.url);
  await api.ask({ serviceName: 'web', replicas: 2, image: 'nginx' });
  await api.converged('web');
  const metrics = await scrape(manager.url);
  const rise = (name: string, labels = {}) => metrics.value(name, labels)! - before.value(name, labels)!;
  assert.is(before.value('co_service_replicas_wanted', { service: 'web' }), null);
  assert.is(metrics.value('co_service_replicas_wanted', { service: 'web' }), 2);
  assert.is(metrics.value('co_service_replicas_running', { service: 'web' }), 2);
  assert.is(metrics.value('co_service_restarts_total', { service: 'web' }), 0);
  assert.is(rise('co_container_starts_total'), 2);
  assert.is(rise('co_container_queue_wait_seconds_count'), 2);
  assert.ok(rise('co_commits_total', { class: 'fact' }) >= 3, 'request, placement and reports are commits');
  assert.is(rise('co_commit_events_count', { class: 'fact' }), rise('co_commits_total', { class: 'fact' }));
  assert.ok(rise('co_append_duration_seconds_count', { outcome: 'appended' }) >= 3);
  assert.is(metrics.value('co_projection_lag_positions'), 0);
});

test('failures have a reason, restarts a service, and a service that is gone has no series', async () => {
  await api.ask({ serviceName: 'broken', replicas: 1, image: `${missingImagePrefix}x` });
  const failed = await metricsWhen('it was started again', ({ value }) => {
    return (value('co_service_restarts_total', { service: 'broken' }) ?? 0) >= 1;
  });
  assert.ok(failed.value('co_container_failures_total', { reason: 'image' })! >= 1);
  assert.is(failed.value('co_service_replicas_wanted', { service: 'broken' }), 1);
  assert.ok(failed.value('co_service_restarts_last_hour', { service: 'broken' })! >= 1);
  assert.is(failed.value('co_service_restarts_last_hour', { service: 'web' }), 0);
  const { services } = (await api.call('GET', '/service_state?service=broken')).body;
  const { restartsLastHour, worstSlot } = services[0];
  assert.ok(restartsLastHour >= 1);
  assert.equal(worstSlot, { slot: 1, restarts: restartsLastHour });
  const one = (await api.call('GET', '/service/broken')).body;
  assert.equal([one.slotRestarts, one.worstSlot], [[one.worstSlot], { slot: 1, restarts: one.restartsLastHour }]);
  await api.call('DELETE', '/service/broken');
  await api.gone('broken');
  assert.not.match((await scrape(manager.url)).text, /service="broken"/);
});

test('runs of jobs are counted by how they ended', async () => {
  const container = { image: `${missingImagePrefix}x` };
  const services = [{ serviceName: 'migrate', mode: 'job', job: { maxAttempts: 1 }, container }];
  assert.is((await api.call('POST', '/service', { services })).status, 202);
  const failed = await metricsWhen('the run has failed', ({ value }) => {
    return value('co_job_runs_total', { outcome: 'failed' }) === 1;
  });
  assert.is(failed.value('co_job_runs_total', { outcome: 'completed' }), 0);
  assert.is(failed.value('co_service_replicas_wanted', { service: 'migrate' }), 0, 'it is over');
  await api.call('DELETE', '/service/migrate');
  await api.gone('migrate');
});

test('a lost node counts, its containers are failures and no restarts, and its heartbeat grows old', async () => {
  const [moved] = await api.containers('web');
  const ofMoved = { node: moved!.node };
  assert.ok((await scrape(manager.url)).value('co_node_heartbeat_age_seconds', ofMoved)! < 3);
  await agents.cutOff(moved!.node);
  const metrics = await metricsWhen('it is replaced', ({ value }) => {
    return value('co_node_losses_total') === 1 && value('co_service_replicas_running', { service: 'web' }) === 2;
  });
  assert.is(metrics.value('co_nodes', { state: 'lost' }), 1);
  assert.is(metrics.value('co_container_failures_total', { reason: 'node lost' }), 1);
  assert.is(metrics.value('co_service_restarts_total', { service: 'web' }), 0);
  await metricsWhen('nothing is heard of it', ({ value }) => value('co_node_heartbeat_age_seconds', ofMoved)! > 3);
});

test('what happened before the start is state, but is not counted again', async () => {
  const before = await scrape(manager.url);
  await stop();
  await start();
  const metrics = await scrape(manager.url);
  assert.ok(metrics.value('co_fact_position')! > before.value('co_fact_position')!);
  assert.is(metrics.value('co_service_replicas_wanted', { service: 'web' }), 2);
  assert.is(metrics.value('co_node_losses_total'), 0);
  assert.is(metrics.value('co_container_failures_total', { reason: 'image' }), 0);
});

test('the lag is the distance of the view from the head of the log', async () => {
  const log = await openMemoryLog();
  const served = await startApi(log);
  await served.call('POST', '/service', { body: oneService() });
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  const metrics = createMetrics({ version: '0.0.0' });
  metrics.watch({ log, projector, clock: systemClock, status: () => served.status });
  assert.match((await metrics.render()).text, /^co_projection_lag_positions 2$/m);
  await served.close();
  await log.close();
});

test('without the log its lag is absent, and appends that failed are measured as such', async () => {
  const { log, setAway } = createFaultyLog(await openMemoryLog());
  const metrics = createMetrics({ version: '0.0.0' });
  const measured = measureAppends(log, systemClock, metrics.observeAppend);
  const served = await startApi(measured);
  const textOf = async () => (await callApi(served.url, 'GET', '/metrics')).text;
  assert.match(await textOf(), /^co_projection_lag_positions 0$/m);
  setAway(true);
  assert.is((await served.call('POST', '/service', { body: oneService() })).status, 503);
  assert.not.match(await textOf(), /^co_projection_lag_positions /m);
  const { text } = await metrics.render();
  assert.match(text, /^co_append_duration_seconds_count\{outcome="unavailable"\} 1$/m);
  setAway(false);
  await served.close();
  await log.close();
});

test.run();
