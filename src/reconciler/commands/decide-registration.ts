/**
 * Owns who a node belongs to when two instances of its agent ask for it. Pure.
 *
 * | the holder is | the claimant | |
 * |---|---|---|
 * | lost, silent for the time-out, or of the same instance | | registers |
 * | heard, or was within the time-out | reads the node's queue, and was not refused by this holder before | registers: the broker has closed the holder's connection, as it does at once when a process ends |
 * | | was not challenged yet, or nobody was heard since | is challenged through the node's queue |
 * | heard after the challenge | has not answered it | is refused |
 *
 * One that was refused gets no second chance to prove it: it is somebody's mistake, and waits until the holder is lost.
 */

import type { RegisterReport } from '../../bus/messages.ts';
import type { Expectation } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { NodeView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';

export type Claim = 'register' | 'challenge' | 'refuse';

/** What the heartbeats say of the holder in its session, and when the claimant was challenged; null = not. */
export type HolderSigns = {
  timeoutMs: number;
  silentMs: number | null;
  sinceHeartbeatMs: number | null;
  challengedAgoMs: number | null;
};

/** A claimant that insists is recorded again this often, so that the log shows that it still does. */
export const refusalEveryMs = 300_000;

/** @param node as the log has it; undefined: it is unknown, or removed */
export function decideClaim(node: NodeView | undefined, report: RegisterReport, signs: HolderSigns): Claim {
  const { instance, readsQueue = false } = report;
  if (!node?.instance || !instance || node.instance.id === instance.id || node.state === 'lost') return 'register';
  if (signs.silentMs === null || signs.silentMs > signs.timeoutMs) return 'register';
  if (wasRefused(node, instance.id)) return 'refuse';
  if (readsQueue) return 'register';
  const { sinceHeartbeatMs, challengedAgoMs } = signs;
  const isHeardSince = sinceHeartbeatMs !== null && challengedAgoMs !== null && sinceHeartbeatMs < challengedAgoMs;
  return isHeardSince ? 'refuse' : 'challenge';
}

/**
 * What the log says of a refusal before the claimant is told.
 * @param nowMs wall clock, never earlier than the view's `at`
 * @returns null when it was said within `refusalEveryMs`
 */
export function recordRefusal(
  node: NodeView,
  report: RegisterReport,
  nowMs: number,
): { event: NewEvent; expect: Expectation[] } | null {
  const { instance, registrationId, hostname, reportId } = report;
  if (!instance) return null;
  const said = node.refusals.find((refusal) => refusal.instance.id === instance.id);
  if (said && nowMs - parseIsoTime(said.at) < refusalEveryMs) return null;
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
