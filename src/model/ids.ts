/** The forms of ids: names that operators choose, and ids derived from positions. */

import { Type } from '@sinclair/typebox';

/** A DNS label: it becomes part of container names and host names. */
export const ServiceName = Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$', maxLength: 63 });
export const NodeId = Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$', maxLength: 63 });
export const ContainerId = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.[1-9][0-9]{0,4}-[0-9a-z]{1,11}$',
  maxLength: 81,
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
