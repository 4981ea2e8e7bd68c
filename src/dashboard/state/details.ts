/** What is known of the subject that was chosen: its facts up to what is shown, and the chain of its causes. Loaded when it changes. */

import { computed, effect, signal } from '@preact/signals';
import type { LogEvent } from '../../events/schema/event.ts';
import { getJson } from '../source/api.ts';
import { type Subject, selected, shown } from './store.ts';
import { point } from './travel.ts';

export type CauseLink = { position: number; at: string; actor: string; sentence: string; details: string[] };
export type Why = { answer: string; notes: string[]; chain: CauseLink[] };

export type Details = {
  subject: Subject;
  /** The last ones, the oldest first. */
  facts: readonly LogEvent[];
  /** null: there is none of its kind, or none was found. */
  why: Why | null;
};

export const details = signal<Details | null>(null);

const factsMax = 60;
/** While a slider is dragged nothing is asked for. */
const settleMs = 200;

/** Changes whenever what would be loaded does. */
const key = computed(() => {
  const subject = selected.value;
  if (subject === null) return null;
  const { view } = shown.value;
  const positions = {
    container: () => view.containers.get(subject.id)?.latest.position,
    service: () => view.services.get(subject.id)?.position,
    node: () => view.nodes.get(subject.id)?.position,
  };
  return JSON.stringify([subject.kind, subject.id, positions[subject.kind]() ?? 0, point.value?.position ?? null]);
});

export function startDetails(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const wanted = key.value;
    clearTimeout(timer);
    if (wanted === null) {
      details.value = null;
      return;
    }
    timer = setTimeout(() => void load(wanted), details.peek() === null ? 0 : settleMs);
  });
}

async function load(wanted: string): Promise<void> {
  const subject = selected.peek();
  if (subject === null) return;
  const at = point.peek()?.position ?? null;
  const name = encodeURIComponent(subject.id);
  const before = at === null ? '' : `&before=${at + 1}`;
  const query = `class=fact&direction=backward&limit=${factsMax}&${subject.kind}=${name}${before}`;
  const [page, why] = await Promise.all([
    getJson<{ events: LogEvent[] }>(`/events?${query}`).catch(() => ({ events: [] })),
    loadWhy(subject, at),
  ]);
  // Another may have been chosen meanwhile.
  if (key.peek() === wanted) details.value = { subject, facts: page.events.toReversed(), why };
}

/** A container's is of all its life; a service's of the point in time. */
function loadWhy({ kind, id }: Subject, at: number | null): Promise<Why | null> {
  if (kind === 'node') return Promise.resolve(null);
  const when = kind === 'service' && at !== null ? `?at=${at}` : '';
  return getJson<Why>(`/${kind}/${encodeURIComponent(id)}/why${when}`).catch(() => null);
}
