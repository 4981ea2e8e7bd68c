/** The generations of a service as the log has them: what each asked for, who asked, when, and how it went. */

import type { EventLog } from '../events/log/event-log.ts';
import { type LogEvent, streams } from '../events/schema/event.ts';
import { policyOf, type ServicePolicy } from '../model/policy.ts';
import type { ContainerSpec } from '../model/service.ts';
import type { ServiceView } from '../projections/view/cluster-view.ts';
import { parseIsoTime } from '../projections/view/iso-time.ts';

export type GenerationOutcome = 'converged' | 'failed' | 'in progress' | 'paused' | 'superseded';

export type Generation = {
  generation: number;
  at: string;
  actor: string;
  replicas: number;
  spec: ContainerSpec;
  specHash: string;
  /** null: its image has none, or was not resolved; or it has been resolved again since, or forgotten. */
  imageDigest: string | null;
  policy: ServicePolicy;
  /** Whose spec it is again. */
  rollbackTo: number | null;
  outcome: GenerationOutcome;
  /** From the request on; null: it did not converge, or before the last thousand that did. */
  convergedAfterMs: number | null;
  /** Why it failed or is paused. */
  reason: string | null;
};

type Read = Pick<EventLog, 'read'>['read'];
type Requested = LogEvent<'ServiceRequested' | 'ServiceScaled'>;

const pageMax = 500;
const types = ['ServiceRequested', 'ServiceScaled', 'RolloutPaused', 'RolloutFailed', 'ServiceRemoved'] as const;

/**
 * Newest first, from when the service last began to be.
 * @param service as it is now
 */
export async function* readGenerations(
  read: Read,
  service: ServiceView,
  signal?: AbortSignal,
): AsyncGenerator<Generation, void, void> {
  const reasons = new Map<number, { type: 'RolloutPaused' | 'RolloutFailed'; reason: string }>();
  /** Those whose spec is in an older event: only the replicas changed. */
  let waiting: Requested[] = [];
  for (let before: number | null = null; ; ) {
    signal?.throwIfAborted();
    const page = await read({
      ...{ streams: [streams.service(service.name)], types: [...types], direction: 'backward', limit: pageMax },
      ...(before === null ? {} : { before }),
    });
    for (const event of page.events) {
      if (event.type === 'ServiceRemoved') return;
      if (event.type === 'RolloutPaused' || event.type === 'RolloutFailed') {
        const { to, reason } = event.data;
        if (!reasons.has(to)) reasons.set(to, { type: event.type, reason });
      }
      if (event.type === 'ServiceScaled') waiting.push(event);
      if (event.type !== 'ServiceRequested' || !event.data.changed) continue;
      for (const scaled of [...waiting, event]) yield toGeneration(service, scaled, event, reasons);
      waiting = [];
    }
    if (page.next === null) return;
    before = page.next;
  }
}

function toGeneration(
  service: ServiceView,
  { data: { generation, replicas }, at, meta: { actor } }: Requested,
  { data }: LogEvent<'ServiceRequested'>,
  reasons: ReadonlyMap<number, { type: 'RolloutPaused' | 'RolloutFailed'; reason: string }>,
): Generation {
  const { container, specHash, rollbackTo } = data;
  const convergedAt = service.converged.get(generation);
  const end = reasons.get(generation);
  const image = service.images.get(specHash);
  return {
    ...{ generation, at, actor, replicas, spec: container, specHash },
    imageDigest: image && image.generation <= generation ? image.digest : null,
    policy: policyOf(data),
    rollbackTo: rollbackTo ?? null,
    outcome: outcomeOf(service, generation, end?.type),
    convergedAfterMs: convergedAt === undefined ? null : parseIsoTime(convergedAt) - parseIsoTime(at),
    reason: convergedAt === undefined ? (end?.reason ?? failedRun(service, generation)?.reason ?? null) : null,
  };
}

function outcomeOf(
  service: ServiceView,
  generation: number,
  end: 'RolloutPaused' | 'RolloutFailed' | undefined,
): GenerationOutcome {
  if (service.converged.has(generation)) return 'converged';
  if (failedRun(service, generation)) return 'failed';
  if (end === 'RolloutFailed') return 'failed';
  if (generation === service.generation) return service.rollout?.state === 'paused' ? 'paused' : 'in progress';
  return end === undefined ? 'superseded' : 'failed';
}

/** Of a job, while the run is among those that are kept. */
const failedRun = ({ job }: ServiceView, generation: number) =>
  job?.runs.findLast((run) => run.generation === generation)?.failure;
