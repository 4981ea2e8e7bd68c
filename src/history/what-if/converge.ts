/**
 * Plans and appends until nothing is left to do, in pieces: the caller may do something else, or give up, between any two
 * of them.
 */

import type { Expectation } from '../../events/log/event-log.ts';
import type { NewEvent } from '../../events/schema/event.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { plan, servicesToEvaluate } from '../../reconciler/planner/plan.ts';
import type { HeartbeatStatus } from '../../reconciler/planner/plan-nodes.ts';
import type { PlanSettings } from '../../reconciler/planner/plan-round.ts';
import { groupSteps } from '../../reconciler/planner/step-groups.ts';
import { slotsOf, takeServices, type Work, type WorkQueue } from '../../reconciler/planner/work-queue.ts';

export type Convergence = {
  /** Each `next()` does one piece: a look of the planner, or one append of what it planned. Ends when it plans nothing. */
  converge(): Generator<void, void, void>;
  /** Slots that the planner has looked at so far, those of the look to come included: what it costs. */
  slotsLookedAt(): number;
};

type Deps = {
  view: ClusterView;
  queue: WorkQueue;
  heartbeats: HeartbeatStatus;
  nowMs: () => number;
  /** @returns false: the cluster moved on, and nothing is written */
  append: (events: readonly NewEvent[], expect: readonly Expectation[]) => boolean;
};

/** Each round answers what the one before wrote. A planner that always wants more never converges: a defect. */
const roundsMax = 1_000;

/** About 20 ms. A service is not cut: the largest takes 100 ms. */
const slotsPerLook = 2_000;

export function createConvergence(
  { view, queue, heartbeats, nowMs, append }: Deps,
  settings: PlanSettings,
): Convergence {
  let slotsLookedAt = 0;

  function* look(work: Work): Generator<void, boolean, void> {
    for (const name of servicesToEvaluate(view, work.services, nowMs())) slotsLookedAt += slotsOf(view, name);
    yield;
    const steps = plan({ view, work, heartbeats, settings, nowMs: nowMs() });
    for (const group of groupSteps(steps)) {
      yield;
      const events = group.map(({ event }) => event);
      const expect = group.flatMap((step) => step.expect);
      if (!append(events, expect)) for (const step of group) queue.requeue(step);
    }
    return steps.length > 0;
  }

  return {
    slotsLookedAt: () => slotsLookedAt,
    *converge() {
      for (let round = 1, hasWritten = true; hasWritten; round += 1) {
        if (round > roundsMax) throw new Error(`the planner does not converge at position ${view.position}`);
        const work = queue.take();
        const services = new Set(work.services);
        let { nodes } = work;
        hasWritten = false;
        do {
          const piece = takeServices(services, (name) => slotsOf(view, name), slotsPerLook);
          const wantedMore = yield* look({ services: piece, nodes });
          hasWritten ||= wantedMore;
          nodes = new Set();
        } while (services.size > 0);
      }
    },
  };
}
