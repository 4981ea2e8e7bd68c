/**
 * Decides registration conflicts: which of two agent instances has a node. Pure.
 *
 * | the registered instance | the contender | decision |
 * |---|---|---|
 * | is lost, has sent no heartbeat for the node timeout, or is the contender itself | | registers |
 * | sent a heartbeat within the node timeout | reads the node's queue, and was not refused before | registers: the broker has closed the other connection |
 * | | was not challenged yet, or no heartbeat came since | is challenged through the node's queue |
 * | sent a heartbeat after the challenge | has not answered it | is refused |
 *
 * The broker closes the connection of a process at once when the process ends. A contender that was refused cannot prove
 * itself by the queue any more: two agents run under one node id by mistake, and the contender is refused until the
 * registered instance is lost.
 */

import type { RegisterReport } from '../../bus/messages.ts';
import type { Expectation } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { NodeView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';

export type RegistrationDecision = 'register' | 'challenge' | 'refuse';

/** Heartbeats of the registered instance in its session, and how long ago the contender was challenged; null: not. */
export type ConflictEvidence = {
  timeoutMs: number;
  silentMs: number | null;
  sinceHeartbeatMs: number | null;
  challengedAgoMs: number | null;
};

/** While a contender keeps asking, its refusal is recorded again this often: the log shows that the conflict lasts. */
export const refusalEveryMs = 300_000;

/** @param node undefined: the log does not know it, or it was removed */
export function resolveRegistration(
  node: NodeView | undefined,
  report: RegisterReport,
  evidence: ConflictEvidence,
): RegistrationDecision {
  const { instance, readsQueue = false } = report;
  if (!node?.instance || !instance || node.instance.id === instance.id || node.state === 'lost') return 'register';
  if (evidence.silentMs === null || evidence.silentMs > evidence.timeoutMs) return 'register';
  if (wasRefused(node, instance.id)) return 'refuse';
  if (readsQueue) return 'register';
  const { sinceHeartbeatMs, challengedAgoMs } = evidence;
  const isAliveSince = sinceHeartbeatMs !== null && challengedAgoMs !== null && sinceHeartbeatMs < challengedAgoMs;
  return isAliveSince ? 'refuse' : 'challenge';
}

/**
 * The fact of a refusal, to be in the log before the contender gets it.
 * @param nowMs wall clock, never earlier than the view's `at`
 * @returns null when it was recorded within `refusalEveryMs`
 */
export function decideRefusal(
  node: NodeView,
  report: RegisterReport,
  nowMs: number,
): { event: NewEvent; expect: Expectation[] } | null {
  const { instance, registrationId, hostname, reportId } = report;
  if (!instance) return null;
  const recorded = node.refusals.find((refusal) => refusal.instance.id === instance.id);
  if (recorded && nowMs - parseIsoTime(recorded.at) < refusalEveryMs) return null;
  return {
    event: {
      stream: streams.node(node.id),
      type: 'RegistrationRefused',
      data: { node: node.id, registrationId, instance, hostname, session: node.session },
      meta: { actor: `node:${node.id}`, requestId: reportId, causationId: node.latest.eventId },
    },
    expect: [{ stream: streams.node(node.id), version: node.version }],
  };
}

const wasRefused = ({ refusals }: NodeView, instanceId: string): boolean =>
  refusals.some(({ instance }) => instance.id === instanceId);
