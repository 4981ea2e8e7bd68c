/**
 * The order of a run: types, lint, then the test files stage by stage, while the servers start; and the sums. Each
 * file runs in a process of its own, so that none can hide another's leak, crash or silence.
 */

import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openServices, type Services } from '../services/open-services.ts';
import { createReport, type Report } from './report.ts';
import { runProcess } from './run-process.ts';
import { findTestFiles, type Stage, stages } from './test-files.ts';
import { judge, type Verdict } from './verdict.ts';

export type RunOptions = {
  projectDir: string;
  isQuick: boolean;
  /** Test files to run; none: all of them, and types and lint. */
  patterns: readonly RegExp[];
  /** A missing server fails the run. */
  isCi: boolean;
  signal: AbortSignal;
};

export type Outcome = {
  passed: number;
  /** Tests, and whatever else went wrong, a check, a server, each counted once. */
  failed: number;
  skipped: number;
  /** A line each. */
  failures: string[];
};

const checkDeadlineMs = 120_000;
const filePath = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export async function runTests(options: RunOptions): Promise<Outcome> {
  const { projectDir, isQuick, patterns, signal } = options;
  const report = createReport();
  const outcome: Outcome = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const chosen = await chooseFiles(options);
  const needsServers = !isQuick && chosen.some(({ stage }) => stage.needsServers);
  const serving = needsServers ? openServices(join(projectDir, '.test-services'), report.print, signal) : null;
  serving?.catch(() => {});
  try {
    if (patterns.length === 0) await runChecks(options, report, outcome);
    await runStages(chosen, { options, report, outcome, serving });
  } catch (error) {
    if (!signal.aborted) fail(outcome, `the run itself: ${error instanceof Error ? error.stack : error}`);
  } finally {
    await closeServices(serving, report, outcome);
  }
  if (signal.aborted) fail(outcome, 'interrupted');
  else if (outcome.passed === 0) fail(outcome, 'no test passed: nothing was shown');
  return outcome;
}

type Chosen = { stage: Stage; files: string[] };

async function chooseFiles({ projectDir, isQuick, patterns }: RunOptions): Promise<Chosen[]> {
  const filesOf = await findTestFiles(projectDir);
  const isWanted = (file: string) => patterns.length === 0 || patterns.some((pattern) => pattern.test(file));
  return stages
    .filter((stage) => !isQuick || stage.isQuick)
    .map((stage) => ({ stage, files: filesOf.get(stage.name)!.filter(isWanted) }))
    .filter(({ files }) => files.length > 0);
}

async function runChecks({ signal }: RunOptions, report: Report, outcome: Outcome): Promise<void> {
  const checks = {
    types: ['tsc', '--noEmit'],
    'types of the page': ['tsc', '--noEmit', '-p', 'src/dashboard'],
    lint: ['biome', 'check', '.'],
  } as const;
  report.heading('checks');
  for (const [name, [program, ...args]] of Object.entries(checks)) {
    signal.throwIfAborted();
    const startedMs = performance.now();
    const processOptions = { deadlineMs: checkDeadlineMs, environment: testEnvironment({}), signal };
    const { exitCode, overdueMs, output } = await runProcess(`node_modules/.bin/${program}`, args, processOptions);
    const isFine = exitCode === 0 && overdueMs === null;
    report.line(name, isFine ? 'fine' : 'FAILED', performance.now() - startedMs);
    if (isFine) continue;
    report.output(output);
    fail(outcome, `${name}, see above`);
  }
}

type Run = { options: RunOptions; report: Report; outcome: Outcome; serving: Promise<Services> | null };

async function runStages(chosen: readonly Chosen[], run: Run): Promise<void> {
  const { options, report, outcome, serving } = run;
  let environment: Record<string, string> = {};
  let isWaiting = serving !== null;
  for (const { stage, files } of chosen) {
    if (stage.needsServers && isWaiting) {
      isWaiting = false;
      environment = await takeServers(serving!, { options, report, outcome });
    }
    report.heading(stage.name);
    const startedMs = performance.now();
    const queue = [...files];
    const work = async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        options.signal.throwIfAborted();
        await runFile(file, stage, environment, run);
      }
    };
    const results = await Promise.allSettled(Array.from({ length: stage.parallelMax }, work));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    if (files.length > 1) report.line('together', '', performance.now() - startedMs);
  }
}

async function takeServers(serving: Promise<Services>, { options, report, outcome }: Omit<Run, 'serving'>) {
  const startedMs = performance.now();
  const { environment, missing } = await serving;
  options.signal.throwIfAborted();
  report.heading('servers');
  report.line('waited for them', '', performance.now() - startedMs);
  for (const sentence of missing) {
    if (options.isCi) fail(outcome, sentence);
    else report.print(`${sentence}: tests that need it are skipped`);
  }
  return environment;
}

async function runFile(file: string, stage: Stage, servers: Record<string, string>, run: Run): Promise<void> {
  const { options, report, outcome } = run;
  const environment = testEnvironment(servers, options.isQuick);
  const startedMs = performance.now();
  const args = [filePath('test-file-process.ts'), join(options.projectDir, file)];
  const processOptions = { deadlineMs: stage.fileDeadlineMs, environment, signal: options.signal };
  const ending = await runProcess(process.execPath, args, processOptions);
  options.signal.throwIfAborted();
  const verdict = judge(ending);
  outcome.passed += verdict.passed;
  outcome.skipped += verdict.skipped;
  report.line(file.replace(/^test\/|\.test\.ts$/g, ''), describe(verdict), performance.now() - startedMs);
  if (verdict.failed === 0) return;
  report.output(ending.output);
  const sentences = [...(verdict.problems.length > 0 ? verdict.problems : ['see above'])];
  fail(outcome, `${file}: ${sentences.join('; ')}`, verdict.failed);
}

function describe({ passed, failed, skipped, skipReasons }: Verdict): string {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} FAILED`);
  if (skipped > 0) parts.push(`${skipped} skipped: ${skipReasons.join(', ') || 'it does not print why'}`);
  return parts.join(', ');
}

async function closeServices(serving: Promise<Services> | null, report: Report, outcome: Outcome): Promise<void> {
  if (serving === null) return;
  const startedMs = performance.now();
  try {
    await (await serving).close();
    report.print(`servers ended in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  } catch (error) {
    const causes = error instanceof AggregateError ? error.errors : [error];
    fail(outcome, `servers: ${causes.map((cause) => (cause instanceof Error ? cause.message : cause)).join('; ')}`);
  }
}

/** Our own Node.js comes first, also for what the tests start; with `--quick` no server is known to them. */
function testEnvironment(servers: Record<string, string>, withoutServers = false): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(([name]) => !withoutServers || !name.startsWith('CO_TEST_'));
  const path = [join(process.cwd(), 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter);
  const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  return { ...Object.fromEntries(ours), ...color, PATH: path, ...servers };
}

function fail(outcome: Outcome, line: string, count = 1): void {
  outcome.failed += count;
  outcome.failures.push(line);
}
