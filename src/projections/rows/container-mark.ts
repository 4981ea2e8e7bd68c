/** How the state of a container looks, in a terminal and on the page: a shape and a tone, so that neither needs the other. Pure. */

import type { ContainerView } from '../view/cluster-view.ts';

/** `good` green · `work` blue · `warn` amber · `bad` red · `idle` grey */
export type Tone = 'good' | 'work' | 'warn' | 'bad' | 'idle';

export type ContainerMark = { shape: string; tone: Tone; label: string };

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
} as const satisfies Record<string, ContainerMark>;

/** In the order in which a legend lists them. */
export const containerMarks: readonly ContainerMark[] = Object.values(marks);

/** @param isUnknown its node, or the engine there, is silent */
export function markOf(
  { state, health, isChecked }: Pick<ContainerView, 'state' | 'health' | 'isChecked'>,
  isUnknown: boolean,
): ContainerMark {
  if (isUnknown && (state === 'running' || state === 'stopping')) return marks.unknown;
  if (state !== 'running') return marks[state];
  if (health === 'unhealthy') return marks.unhealthy;
  return isChecked && health === 'unproven' ? marks.unproven : marks.running;
}
