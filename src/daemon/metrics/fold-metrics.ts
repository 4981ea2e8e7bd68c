/**
 * Counts what the log brings while this process runs. Every manager folds every commit, so all of them count the same:
 * take the maximum over them, not the sum.
 */

import { Counter, Histogram, type Registry } from 'prom-client';
import { appendEventsMax } from '../../events/log/event-log.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { FailureReason } from '../../model/container.ts';
import type { FoldListener } from '../../projections/live/projector.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';

const sinceStart = 'since this process started';
const failureReasons = FailureReason.anyOf.map((reason) => reason.const);

const runOutcomes = { JobCompleted: 'completed', JobFailed: 'failed', JobSkipped: 'skipped' } as const;

/** One commit holds 500 events at most, of one append or of as many. */
const batchBuckets = [1, 2, 5, 10, 20, 50, 100, 200, appendEventsMax];
/** From an idle node to the default queue timeout and beyond. */
const waitBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** @param view the one that is folded: read in the listener, after the fold */
export function createFoldMetrics(registers: Registry[], view: ClusterView): FoldListener {
  const observeCommit = createCommitMetrics(registers);
  const observeEvent = createEventMetrics(registers, view);
  return (events, commit) => {
    observeCommit(commit);
    for (const event of events) observeEvent(event);
  };
}

function createCommitMetrics(registers: Registry[]): (commit: Parameters<FoldListener>[1]) => void {
  const labelNames = ['class'];
  const commits = new Counter({
    name: 'co_commits_total',
    help: `Commits folded, by class (fact, telemetry), whichever manager wrote them, ${sinceStart}.`,
    labelNames,
    registers,
  });
  const histogram = (name: string, what: string) =>
    new Histogram({
      name,
      help: `${what} in a commit, by class, ${sinceStart}.`,
      labelNames,
      buckets: batchBuckets,
      registers,
    });
  const events = histogram('co_commit_events', 'Events');
  const appends = histogram('co_commit_appends', 'Appends');
  for (const eventClass of ['fact', 'telemetry']) {
    commits.inc({ class: eventClass }, 0);
    events.zero({ class: eventClass });
    appends.zero({ class: eventClass });
  }
  return (commit) => {
    const labels = { class: commit.class };
    commits.inc(labels);
    events.observe(labels, commit.count);
    appends.observe(labels, commit.appends.length);
  };
}

function createEventMetrics(registers: Registry[], view: ClusterView): (event: LogEvent) => void {
  const queueWait = new Histogram({
    name: 'co_container_queue_wait_seconds',
    help: `Time a container was in queue before its agent began to start it, ${sinceStart}.`,
    buckets: waitBuckets,
    registers,
  });
  const starts = new Counter({
    name: 'co_container_starts_total',
    help: `Containers that came to run, ${sinceStart}.`,
    registers,
  });
  const failures = new Counter({
    name: 'co_container_failures_total',
    help: `Containers that failed, by reason, ${sinceStart}.`,
    labelNames: ['reason'],
    registers,
  });
  for (const reason of failureReasons) failures.inc({ reason }, 0);
  const nodesLost = new Counter({
    name: 'co_node_losses_total',
    help: `Nodes that were lost and whose containers failed over to others, ${sinceStart}.`,
    registers,
  });
  const runs = new Counter({
    name: 'co_job_runs_total',
    help: `Runs of jobs that ended, and ticks that were skipped, by outcome, ${sinceStart}.`,
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of Object.values(runOutcomes)) runs.inc({ outcome }, 0);
  const countRestart = createRestartCounter(registers, view);

  return (event) => {
    switch (event.type) {
      case 'ContainerStarting': {
        const queuedAt = view.containers.get(event.data.container)?.queuedAt;
        if (queuedAt !== undefined) queueWait.observe((parseIsoTime(event.at) - parseIsoTime(queuedAt)) / 1_000);
        break;
      }
      case 'ContainerRunning':
        starts.inc();
        break;
      case 'ContainerFailed':
        failures.inc({ reason: event.data.reason });
        break;
      case 'ContainerUnhealthy':
        failures.inc({ reason: 'unhealthy' });
        break;
      case 'NodeLost':
        nodesLost.inc();
        break;
      case 'JobCompleted':
      case 'JobFailed':
      case 'JobSkipped':
        runs.inc({ outcome: runOutcomes[event.type] });
        break;
      case 'ContainerQueued':
        if (isRestart(view, event.data.replaces)) countRestart(event.data.service);
        break;
    }
  };
}

/** A replacement for a container that ended by itself; not for one that was moved or updated, nor one lost with its node. */
function isRestart(view: ClusterView, replaces: string | null): boolean {
  const ended = replaces === null ? undefined : view.containers.get(replaces);
  return ended?.state === 'completed' || (ended?.state === 'failed' && ended.reason !== 'node lost');
}

/** Kept per service of the view, from zero; a service that is gone takes its series with it. */
function createRestartCounter(registers: Registry[], view: ClusterView): (service: string) => void {
  const restarts = new Map<string, number>();
  new Counter({
    name: 'co_service_restarts_total',
    help: `Containers that replaced one of their service that had ended by itself, ${sinceStart}.`,
    labelNames: ['service'],
    registers,
    collect() {
      for (const service of restarts.keys()) if (!view.services.has(service)) restarts.delete(service);
      this.reset();
      for (const service of view.services.keys()) this.inc({ service }, restarts.get(service) ?? 0);
    },
  });
  return (service) => restarts.set(service, (restarts.get(service) ?? 0) + 1);
}
