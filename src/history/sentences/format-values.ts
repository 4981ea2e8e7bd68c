/** Formats values for sentences: counts, lists of names, durations, sizes, times and who did it. Pure. */

import type { Actor } from '../../events/schema/event.ts';

/** `1 node`, `3 nodes` */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}

/**
 * `worker-1, worker-2 and 7 more`
 * @param total how many there are, named or not
 */
export function formatNames(names: readonly string[], total: number = names.length): string {
  const rest = total - names.length;
  const parts = rest > 0 ? [...names, `${rest.toLocaleString('en-US')} more`] : [...names];
  const last = parts.pop() ?? 'none';
  return parts.length > 0 ? `${parts.join(', ')} and ${last}` : last;
}

const units = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1_000 },
] as const;

/** Of whole seconds, rounded down. */
export const formatSeconds = (seconds: number): string =>
  seconds === 0 ? 'less than 1 s' : formatDuration(seconds * 1000);

/** The two largest units: `340 ms`, `5.2 s`, `4 min 10 s`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  // Below a minute a tenth of a second still matters.
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1).replace('.0', '')} s`;
  const seconds = Math.round(ms / 1_000) * 1_000;
  const index = units.findIndex((unit) => seconds >= unit.ms);
  const large = units[index]!;
  const small = units[index + 1]!;
  const count = Math.floor(seconds / large.ms);
  const rest = Math.floor((seconds % large.ms) / small.ms);
  return rest === 0 ? `${count} ${large.name}` : `${count} ${large.name} ${rest} ${small.name}`;
}

const sizes = [
  { name: 'GiB', bytes: 2 ** 30 },
  { name: 'MiB', bytes: 2 ** 20 },
  { name: 'KiB', bytes: 2 ** 10 },
] as const;

/** `7.8 GiB`, `512 MiB`, `90 bytes` */
export function formatBytes(bytes: number): string {
  const size = sizes.find((candidate) => bytes >= candidate.bytes);
  if (!size) return formatCount(bytes, 'byte');
  return `${(bytes / size.bytes).toFixed(1).replace('.0', '')} ${size.name}`;
}

/** `1.5 CPUs`, `1 CPU` */
export function formatCpus(cpuMillis: number): string {
  return `${cpuMillis / 1_000} ${cpuMillis === 1_000 ? 'CPU' : 'CPUs'}`;
}

/** Enough to recognize it: `sha256:0a1b2c3d4e5f`. */
export const formatDigest = (digest: string): string => digest.replace(/^([^:]*:.{12}).*$/, '$1');

const dateLength = '2026-01-01'.length;

/** Where no heading says whose time it is. */
export const formatPointInTime = (at: string): string => `${formatTime(at)} UTC`;

/** `2026-01-01 14:03:12.345`, always UTC. */
export function formatTime(at: string): string {
  return `${at.slice(0, dateLength)} ${at.slice(dateLength + 1).replace('Z', '')}`;
}

/** The time of day alone when that is clear beside the other time. */
export function formatTimeBeside(at: string, other: string): string {
  const isSameDay = at.slice(0, dateLength) === other.slice(0, dateLength);
  return isSameDay ? formatTime(at).slice(dateLength + 1) : formatTime(at);
}

/** An agent started it, as it did what ended before it. Managers queue all others. */
export const isByAgent = ({ meta: { actor } }: { meta: { actor: Actor } }): boolean => actor.startsWith('node:');

export const isPerson = (actor: Actor): boolean => actor.startsWith('person:');

/** Operators are named; without tokens their name is not known. */
export function describeActor(actor: Actor): string {
  if (actor === 'person:local') return 'a local caller';
  if (isPerson(actor)) return actor.slice('person:'.length);
  if (actor.startsWith('node:')) return actor.slice('node:'.length);
  if (actor.startsWith('manager:')) return `manager ${actor.slice('manager:'.length)}`;
  return `the ${actor}`;
}
