/**
 * Owns the conversation with an agent that asks for a node another instance holds: the challenge, the refusal, and what
 * is remembered between them. What was forgotten with a manager costs the claimant one more challenge.
 */

import type { ManagerBus } from '../../bus/bus.ts';
import type { RegisterReport } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type Claim, decideClaim } from '../commands/decide-registration.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';

export type Claims = {
  /** Whose node it is; a claimant to be challenged is, here. */
  judge(report: RegisterReport): Claim;
  /** After the refusal is in the log, or was before. */
  tellRefused(report: RegisterReport): void;
};

/** Claimants remembered; the oldest is challenged once more. */
const challengedMax = 1_000;

type Deps = {
  view: ClusterView;
  bus: ManagerBus;
  heartbeats: HeartbeatStatus;
  clock: Pick<Clock, 'monotonicMs'>;
  logger: Logger;
};

export function createClaims(deps: Deps, { clusterId }: { clusterId: string }): Claims {
  const { view, bus, heartbeats, clock, logger } = deps;
  /** By instance, the first time. */
  const challengedAtMs = new Map<string, number>();

  const challenge = ({ node, hostname, instance }: RegisterReport) => {
    if (!instance) return;
    const { id: instanceId } = instance;
    if (!challengedAtMs.has(instanceId)) challengedAtMs.set(instanceId, clock.monotonicMs());
    const [oldest] = challengedAtMs.keys();
    if (challengedAtMs.size > challengedMax && oldest !== undefined) challengedAtMs.delete(oldest);
    bus.sendCommand({ kind: 'challenge', clusterId, node, instanceId, hostname }).catch((error: unknown) => {
      logger.warn({ err: error, node }, 'challenge not delivered; the next registration brings another');
    });
  };

  return {
    judge(report) {
      const { node: id, instance } = report;
      const node = view.nodes.get(id);
      const atMs = challengedAtMs.get(instance?.id ?? '');
      const claim = decideClaim(node, report, {
        timeoutMs: heartbeats.timeoutMs,
        silentMs: node ? heartbeats.silentMs(id, node.session) : null,
        sinceHeartbeatMs: node ? heartbeats.sinceHeartbeatMs(id, node.session) : null,
        challengedAgoMs: atMs === undefined ? null : clock.monotonicMs() - atMs,
      });
      if (claim === 'challenge') challenge(report);
      return claim;
    },
    tellRefused({ node, registrationId, hostname, instance }) {
      const holder = view.nodes.get(node);
      if (!holder?.instance || !instance) return;
      logger.warn({ node, claimant: { hostname, instance }, holder: holder.instance }, 'registration refused');
      const refusal = {
        ...{ clusterId, node, instanceId: instance.id, registrationId },
        holder: { hostname: holder.hostname, instance: holder.instance },
      };
      bus.sendRefusal(refusal).catch((error: unknown) => {
        logger.warn({ err: error, node }, 'refusal not delivered; the next registration brings another');
      });
    },
  };
}
