/**
 * Talks to an agent that registers for a node of another instance: sends the challenge and the refusal, and remembers who
 * was challenged. Another manager does not know of a challenge, and sends one more.
 */

import type { ManagerBus } from '../../bus/bus.ts';
import type { RegisterReport } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type RegistrationDecision, resolveRegistration } from '../commands/decide-registration.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';

export type RegistrationConflicts = {
  /** Sends the challenge when that is the decision. */
  resolve(report: RegisterReport): RegistrationDecision;
  /** To be called once the refusal is in the log. */
  sendRefusal(report: RegisterReport): void;
};

/** Contenders remembered; the oldest is forgotten, and challenged again. */
const challengedMax = 1_000;

type Deps = {
  view: ClusterView;
  bus: ManagerBus;
  heartbeats: HeartbeatStatus;
  clock: Pick<Clock, 'monotonicMs'>;
  logger: Logger;
};

export function createRegistrationConflicts(deps: Deps, { clusterId }: { clusterId: string }): RegistrationConflicts {
  const { view, bus, heartbeats, clock, logger } = deps;
  /** By instance: when it was challenged first. */
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
    resolve(report) {
      const { node: id, instance } = report;
      const node = view.nodes.get(id);
      const atMs = challengedAtMs.get(instance?.id ?? '');
      const decision = resolveRegistration(node, report, {
        timeoutMs: heartbeats.timeoutMs,
        silentMs: node ? heartbeats.silentMs(id, node.session) : null,
        sinceHeartbeatMs: node ? heartbeats.sinceHeartbeatMs(id, node.session) : null,
        challengedAgoMs: atMs === undefined ? null : clock.monotonicMs() - atMs,
      });
      if (decision === 'challenge') challenge(report);
      return decision;
    },
    sendRefusal({ node, registrationId, hostname, instance }) {
      const current = view.nodes.get(node);
      if (!current?.instance || !instance) return;
      logger.warn({ node, contender: { hostname, instance }, current: current.instance }, 'registration refused');
      const refusal = {
        ...{ clusterId, node, instanceId: instance.id, registrationId },
        holder: { hostname: current.hostname, instance: current.instance },
      };
      bus.sendRefusal(refusal).catch((error: unknown) => {
        logger.warn({ err: error, node }, 'refusal not delivered; the next registration brings another');
      });
    },
  };
}
