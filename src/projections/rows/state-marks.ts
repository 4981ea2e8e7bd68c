/** How states look, in a terminal and on the page: a shape and a tone, so that neither needs the other. Pure. */

import type { Availability } from '../../model/node.ts';
import type { NodeReach, RolloutState, ServiceStatus } from '../../model/status-charts.ts';
import type { ContainerView } from '../view/cluster-view.ts';
import type { NodeRow } from './node-row.ts';

/** `good` green · `work` blue · `warn` amber · `bad` red · `idle` grey */
export const tones = ['good', 'work', 'warn', 'bad', 'idle'] as const;
export type Tone = (typeof tones)[number];

export type Mark = { shape: string; tone: Tone; label: string };

const marks = {
  'in queue': { shape: '○', tone: 'work', label: 'in queue' },
  starting: { shape: '◐', tone: 'work', label: 'starting' },
  running: { shape: '●', tone: 'good', label: 'running' },
  unproven: { shape: '◉', tone: 'good', label: 'unproven: it runs, its check has not passed yet' },
  unhealthy: { shape: '▲', tone: 'warn', label: 'unhealthy' },
  unknown: { shape: '?', tone: 'warn', label: 'unknown: its node or engine is silent' },
  stopping: { shape: '◌', tone: 'idle', label: 'stopping' },
  completed: { shape: '✓', tone: 'idle', label: 'completed' },
  stopped: { shape: '■', tone: 'idle', label: 'stopped' },
  failed: { shape: '✕', tone: 'bad', label: 'failed' },
} as const satisfies Record<string, Mark>;

/** In the order in which a legend lists them. */
export const containerMarks: readonly Mark[] = Object.values(marks);

/** @param isUnknown its node, or the engine there, is silent */
export function markOf(
  { state, health, isChecked }: Pick<ContainerView, 'state' | 'health' | 'isChecked'>,
  isUnknown: boolean,
): Mark {
  if (isUnknown && (state === 'running' || state === 'stopping')) return marks.unknown;
  if (state !== 'running') return marks[state];
  if (health === 'unhealthy') return marks.unhealthy;
  return isChecked && health === 'unproven' ? marks.unproven : marks.running;
}

export const serviceMarks: Readonly<Record<ServiceStatus | 'removed', Mark>> = {
  converged: { shape: '●', tone: 'good', label: 'converged' },
  completed: { shape: '✓', tone: 'idle', label: 'completed' },
  progressing: { shape: '◐', tone: 'work', label: 'progressing' },
  degraded: { shape: '▲', tone: 'warn', label: 'degraded' },
  blocked: { shape: '✕', tone: 'bad', label: 'blocked' },
  paused: { shape: '‖', tone: 'warn', label: 'paused' },
  removing: { shape: '◌', tone: 'idle', label: 'removing' },
  removed: { shape: '■', tone: 'idle', label: 'removed' },
};

export const rolloutMarks: Readonly<Record<RolloutState | 'none', Mark>> = {
  none: { shape: '○', tone: 'idle', label: 'none' },
  'in progress': { shape: '◐', tone: 'work', label: 'in progress' },
  paused: { shape: '‖', tone: 'warn', label: 'paused' },
  completed: { shape: '✓', tone: 'idle', label: 'completed' },
  failed: { shape: '✕', tone: 'bad', label: 'failed' },
};

export const nodeMarks: Readonly<Record<NodeReach | Availability | 'suspect' | 'removed', Mark>> = {
  ready: { shape: '●', tone: 'good', label: 'ready' },
  active: { shape: '●', tone: 'good', label: 'active' },
  cordoned: { shape: '‖', tone: 'warn', label: 'cordoned' },
  draining: { shape: '◌', tone: 'warn', label: 'draining' },
  suspect: { shape: '▲', tone: 'warn', label: 'suspect' },
  silent: { shape: '?', tone: 'warn', label: 'silent' },
  'engine lost': { shape: '?', tone: 'warn', label: 'engine lost' },
  lost: { shape: '✕', tone: 'bad', label: 'lost' },
  removed: { shape: '■', tone: 'idle', label: 'removed' },
};

/** The worst of what holds. */
export function nodeMarkOf({
  state,
  reason,
  suspect,
  availability,
}: Pick<NodeRow, 'state' | 'reason' | 'suspect' | 'availability'>): Mark {
  if (state === 'lost') return nodeMarks.lost;
  // A node that is not lost has a reason while nothing is known of its containers.
  if (reason !== null) return nodeMarks.silent;
  if (suspect !== null) return nodeMarks.suspect;
  return availability === 'active' ? nodeMarks.ready : nodeMarks[availability];
}
