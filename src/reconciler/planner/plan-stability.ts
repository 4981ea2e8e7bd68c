/** Decides whether a service is unstable: a slot of it fails again and again, though it runs between. Pure. */

import { streams } from '../../events/schema/event.ts';
import { failureTimesKept, type ServiceView } from '../../projections/view/cluster-view.ts';
import type { SlotView } from '../../projections/view/slot-view.ts';
import { expectService } from './service-steps.ts';
import { metaOf, type Step } from './step.ts';

const withinMs = 600_000;
const reasonCharactersMax = 2_048;

export function planStability(service: ServiceView, nowMs: number): Step[] {
  if (service.removing) return [];
  const { name, unstable, specEvent } = service;
  const head = { stream: streams.service(name), meta: metaOf(specEvent) };
  const subject = { kind: 'service' as const, name };
  const expect = [expectService(service)];
  const failing = [...service.slots.values()].find((slot) => nowMs < unstableUntilMs(slot));
  if (!failing) {
    return unstable ? [{ subject, event: { ...head, type: 'ServiceStable', data: { service: name } }, expect }] : [];
  }
  if (unstable || !failing.lastEnded) return [];
  const { slot, lastFailure } = failing;
  const reason = lastFailure ? `${lastFailure.reason}: ${lastFailure.message}` : 'it failed';
  const data = {
    ...{ service: name, slot, container: failing.lastEnded.container, failures: failureTimesKept, withinMs },
    reason: reason.slice(0, reasonCharactersMax),
  };
  return [
    { subject, event: { ...head, type: 'ServiceUnstable', data, meta: metaOf(failing.lastEnded.cause) }, expect },
  ];
}

/** When it may be stable again; null: it is. Pure. */
export function stabilityDeadlineMs({ unstable, slots }: ServiceView): number | null {
  return unstable ? Math.max(0, ...[...slots.values()].map(unstableUntilMs)) : null;
}

/** The last failures of it lie within the span that ends then; 0: it has not failed so often. */
function unstableUntilMs({ failedAtMs }: SlotView): number {
  const [oldest] = failedAtMs;
  const newest = failedAtMs.at(-1);
  if (oldest === undefined || newest === undefined || failedAtMs.length < failureTimesKept) return 0;
  return newest - oldest <= withinMs ? newest + withinMs : 0;
}
