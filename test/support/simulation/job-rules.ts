/** What holds of jobs whatever happens, found in the events of a simulated cluster. */

import { deepStrictEqual, ok } from 'node:assert';
import type { LogEvent } from '../../../src/events/schema/event.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

type Due = Extract<LogEvent, { type: 'JobDue' }>;

/** Every run ends once, a complete one with exactly its completions; nothing of a job that is over is left. */
export function assertJobs(cluster: SimulatedCluster, because: string): void {
  const { events, view } = cluster;
  const dues = events.filter((event): event is Due => event.type === 'JobDue');
  for (const due of dues) assertRun(cluster, due, because);
  const ticks = dues
    .filter(({ data }) => data.cause !== 'requested')
    .map(({ data }) => `${data.service} ${data.dueAt}`);
  deepStrictEqual(ticks, [...new Set(ticks)], `one run a tick, ${because}`);
  for (const { name, job, live } of view.services.values()) {
    if (!job || job.runs.some(({ state }) => state === 'running')) continue;
    ok(live === 0, `${live} containers of ${name} are left, ${because}`);
  }
}

function assertRun({ events }: SimulatedCluster, { data, position }: Due, because: string): void {
  const { service, run, completions, firstSlot } = data;
  const created = events.findLast((event) => event.position < position && isCreation(event, service))?.position ?? 0;
  const own = events.filter(
    (event) => event.position > created && (event.data as { service?: string }).service === service,
  );
  const gone = own.find((event) => event.position > position && event.type === 'ServiceRemoved')?.position;
  const ofIt = own.filter((event) => event.position > position && event.position < (gone ?? Number.POSITIVE_INFINITY));
  const ends = ofIt.filter(
    (event) => (event.type === 'JobCompleted' || event.type === 'JobFailed') && event.data.run === run,
  );
  ok(ends.length <= 1, `run ${run} of ${service} ended ${ends.length} times, ${because}`);
  const [end] = ends;
  if (end?.type !== 'JobCompleted') return;
  const asked = new Set(
    ofIt.flatMap((event) => (event.type === 'ContainerStopRequested' ? [event.data.container] : [])),
  );
  const queued = new Set(ofIt.flatMap((event) => (event.type === 'ContainerQueued' ? [event.data.container] : [])));
  const slots = ofIt.flatMap((event) =>
    event.type === 'ContainerCompleted' &&
    event.position < end.position &&
    event.data.slot >= firstSlot &&
    event.data.slot < firstSlot + completions &&
    queued.has(event.data.container) &&
    !asked.has(event.data.container)
      ? [event.data.slot]
      : [],
  );
  const wanted = Array.from({ length: completions }, (_, index) => firstSlot + index);
  deepStrictEqual(
    slots.toSorted((a, b) => a - b),
    wanted,
    `run ${run} of ${service}, ${because}`,
  );
}

/** After a removal, runs are counted from one. */
const isCreation = (event: LogEvent, service: string): boolean =>
  event.type === 'ServiceRemoved' && event.data.service === service;
