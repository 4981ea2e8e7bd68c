/** docs/monitoring: the rules do what they say, and rules, dashboard and documentation name metrics that a manager has. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../support/cluster/api.ts';
import { type RunningCluster, startCluster } from '../../support/cluster/cluster.ts';
import { promtool, runPromtool } from '../../support/http/promtool.ts';
import { scrape } from '../../support/http/scrape.ts';
import { until } from '../../support/wait.ts';

const test = suite('monitoring');
if (promtool === null) console.log('skipped: CO_TEST_PROMTOOL is not set');
const withPromtool = promtool === null ? test.skip : test;

const pathOf = (file: string) => fileURLToPath(new URL(`../../../docs/${file}`, import.meta.url));
const [rulesPath, ruleTestsPath] = [pathOf('monitoring/alerts.yml'), pathOf('monitoring/alerts.test.yml')];
const rules = await readFile(rulesPath, 'utf8');
const ruleTests = await readFile(ruleTestsPath, 'utf8');
const operations = await readFile(pathOf('operations.md'), 'utf8');
const dashboard = JSON.parse(await readFile(pathOf('monitoring/dashboard.json'), 'utf8'));

const ruleExpressions = Array.from(rules.matchAll(/^ +expr: (?:>-\n((?: {10}.+\n)+)|(.+)$)/gm), ([, block, line]) =>
  (block ?? line ?? '').trim(),
);
type Panel = { targets?: { expr: string }[] };
const dashboardExpressions: string[] = [
  ...dashboard.panels.flatMap(({ targets = [] }: Panel) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.map(({ expr }: { expr: string }) => expr),
];
/** Prometheus makes these itself. */
const madeByPrometheus = ['up'];
/** Has no sample with plain HTTP. */
const withTls = ['co_certificate_expires_timestamp_seconds'];

let dataDir: string;
let cluster: RunningCluster;

test.before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'co-monitoring-'));
  cluster = await startCluster({ dataDir, engine: 'simulated', socketPath: '', workers: 1 });
  const api = createApi(cluster.url);
  await api.ask({ serviceName: 'web', replicas: 1, image: 'nginx' });
  await api.converged('web');
});
test.after(async () => {
  await cluster.purge();
  await rm(dataDir, { recursive: true, force: true });
});

/** What is left of an expression without strings, matchers, ranges, groupings and functions. */
function metricsIn(expression: string): string[] {
  const rest = expression
    .replaceAll(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|without|on|ignoring) *\([^)]*\)/g, '');
  return Array.from(rest.matchAll(/(?<![\w.])[a-zA-Z_:][\w:]*(?! *\(|[\w:])/g), ([name]) => name).filter(
    (name) => !['and', 'or', 'unless', 'bool'].includes(name),
  );
}

/** The scrape has them all. Some appear a little later: a node's first heartbeat, a first garbage collection. */
async function assertScraped(names: readonly string[]): Promise<void> {
  let missing: string[] = [];
  const find = async () => {
    const scraped = await scrape(cluster.url);
    missing = names.filter((name) => !scraped.names.has(name) && ![...madeByPrometheus, ...withTls].includes(name));
    return missing.length === 0;
  };
  await until('everything is scraped', find, 5_000).catch(() => {});
  assert.equal(missing, []);
}

test('the metrics of an expression are found', () => {
  const expression =
    'histogram_quantile(0.9, sum by (le, job) (rate(a_bucket{b="c_d"}[5m]))) > 1 and max(e) == 0 or f{g="h(i)"}';
  assert.equal(metricsIn(expression), ['a_bucket', 'e', 'f']);
});

test('every metric in a rule exists', async () => {
  assert.ok(ruleExpressions.length > 10);
  await assertScraped(ruleExpressions.flatMap(metricsIn));
});

test('every metric in the dashboard exists', async () => {
  assert.ok(dashboardExpressions.length > 30);
  const variables = JSON.stringify(dashboard.templating).matchAll(/label_values\((\w+)/g);
  await assertScraped([...dashboardExpressions.flatMap(metricsIn), ...Array.from(variables, ([, name]) => name!)]);
});

test('every metric of ours is documented, and what is documented exists', async () => {
  const documented = new Set(Array.from(operations.matchAll(/`(co_[a-z_]+[a-z])`/g), ([, name]) => name!));
  const { text } = await scrape(cluster.url);
  const families = Array.from(text.matchAll(/^# TYPE (co_\w+) /gm), ([, name]) => name!);
  assert.equal(
    families.filter((name) => !documented.has(name)),
    [],
  );
  const notMetrics = ['co_node_', 'co_reports', 'co_dead', 'co_heartbeats', 'co_'];
  const unknown = [...documented].filter((name) => !families.includes(name));
  assert.equal(
    unknown.filter((name) => !notMetrics.includes(name)),
    [],
  );
});

test('every alert is seen firing in a test', () => {
  const alerts = Array.from(rules.matchAll(/^ +- alert: (\w+)$/gm), ([, name]) => name!);
  assert.is(alerts.length, ruleExpressions.length);
  const fires = (alert: string) =>
    ruleTests.includes(`{alertname="${alert}"}', value:`) ||
    new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n +- exp_labels:`).test(ruleTests);
  assert.equal(
    alerts.filter((alert) => !fires(alert)),
    [],
  );
});

withPromtool('the rules are valid and do what their tests say', async () => {
  const checked = await runPromtool(['check', 'rules', rulesPath]);
  assert.is(checked.exitCode, 0, checked.output);
  assert.match(checked.output, `SUCCESS: ${ruleExpressions.length} rules found`);
  const tested = await runPromtool(['test', 'rules', ruleTestsPath]);
  assert.is(tested.exitCode, 0, tested.output);
});

withPromtool('every query of the dashboard is valid', async () => {
  const path = join(dataDir, 'dashboard-queries.yml');
  const asRules = dashboardExpressions.map((expression, index) => {
    const filled = expression.replaceAll('$__rate_interval', '1m');
    return `  - { record: 'dashboard:query_${index}', expr: ${JSON.stringify(filled)} }`;
  });
  await writeFile(path, `groups:\n- name: dashboard\n  rules:\n${asRules.join('\n')}\n`);
  const { exitCode, output } = await runPromtool(['check', 'rules', path]);
  assert.is(exitCode, 0, output);
  assert.match(output, `SUCCESS: ${dashboardExpressions.length} rules found`);
});

test.run();
