/** The forms of ids: names that operators choose, and ids derived from positions. */

import { Type } from '@sinclair/typebox';

/** A DNS label: it becomes part of container names and host names. */
export const ServiceName = Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$', maxLength: 63 });
export const NodeId = Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$', maxLength: 63 });
/** See `containerId` and `restartedId`. */
export const ContainerId = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.[1-9][0-9]{0,4}-[0-9a-z]{1,11}(\\.[1-9][0-9]{0,5})?$',
  maxLength: 88,
});

export const Uuid = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  maxLength: 36,
});

export const IsoTime = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
  maxLength: 24,
});

/**
 * The id of one run of a slot. Pure.
 * @param causePosition position of the fact that made this run necessary: no two runs of a slot share their cause
 */
export function containerId(service: string, slot: number, causePosition: number): string {
  return `${service}.${slot}-${causePosition.toString(36)}`;
}

/**
 * The id of the run that an agent starts by itself in place of one that ended: the same with its ordinal, `web.2-4k.1` after
 * `web.2-4k`. Pure. A run ends once and is on one node, so no two have it; and no manager gives it, for a dot is in it.
 */
export function restartedId(container: string): string {
  const [, base, ordinal = '0'] = /^(.*-[0-9a-z]+)(?:\.([0-9]+))?$/.exec(container)!;
  return `${base}.${Number(ordinal) + 1}`;
}
