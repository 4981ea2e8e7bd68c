/** The states that the chosen service or node went through, up to what is shown: loaded when it is chosen, and folded on while live. */

import { computed, effect, signal } from '@preact/signals';
import type { LogEvent } from '../../events/schema/event.ts';
import { reachFacts } from '../../projections/rows/node-row.ts';
import { emptyClusterView } from '../../projections/view/cluster-view.ts';
import { getJson } from '../source/api.ts';
import { loadView } from '../source/live-view.ts';
import { readStates, type StateReader, type StateSubject, type Tracks } from '../source/subject-states.ts';
import { isLoaded, selected, shownEvents } from './store.ts';
import { point } from './travel.ts';

/** null: none is chosen that has any, or they are on their way. `isCut`: there were earlier ones. */
export const states = signal<{ subject: StateSubject; tracks: Tracks; isCut: boolean } | null>(null);

/** As many of each kind of facts: enough for what one looks back at. */
const factsMax = 300;
/** While a slider is dragged nothing is asked for. */
const settleMs = 200;

const wanted = computed((): string | null => {
  const { value: subject } = selected;
  if (!isLoaded.value || subject === null || subject.kind === 'container') return null;
  return JSON.stringify([subject.kind, subject.id, point.value?.position ?? null]);
});

export function startSubjectStates(): void {
  effect(() => {
    const key = wanted.value;
    if (key === null) {
      states.value = null;
      return;
    }
    const [kind, id, at] = JSON.parse(key) as [StateSubject['kind'], string, number | null];
    const subject = { kind, id };
    if (states.peek()?.subject.id !== id || states.peek()?.subject.kind !== kind) states.value = null;
    let stop = () => {};
    let isOver = false;
    const timer = setTimeout(
      async () => {
        const loaded = await load(subject, at).catch(() => null);
        if (loaded && !isOver) stop = showStates(subject, loaded, at === null);
      },
      at === null ? 0 : settleMs,
    );
    return () => {
      isOver = true;
      clearTimeout(timer);
      stop();
    };
  });
}

type Loaded = { reader: StateReader; isCut: boolean };

/** @returns ends the folding on */
function showStates(subject: StateSubject, { reader, isCut }: Loaded, isLive: boolean): () => void {
  const show = () => {
    states.value = { subject, tracks: reader.tracks(), isCut };
  };
  show();
  if (!isLive) return () => {};
  return effect(() => {
    try {
      if (reader.fold(shownEvents.value)) show();
    } catch {
      // More came than are kept between two pictures: what is missing was never shown.
      states.value = null;
    }
  });
}

type EventPage = { events: LogEvent[]; next: number | null };

/** @param at the last position that counts; null: now */
async function load({ kind, id }: StateSubject, at: number | null): Promise<Loaded> {
  const before = at === null ? '' : `&before=${at + 1}`;
  const ask = (about: string) =>
    getJson<EventPage>(`/events?class=fact&direction=backward&limit=${factsMax}&${about}${before}`);
  const types = [...reachFacts].join(',');
  const pages = await Promise.all(
    kind === 'node' ? [ask(`stream=node/${id}&type=${types}`)] : [ask(`service=${id}`), ask(`type=${types}`)],
  );
  // Facts of both kinds are known from here on.
  const first = Math.max(0, ...pages.map(({ events, next }) => (next === null ? 0 : (events.at(-1)?.position ?? 0))));
  const facts = pages
    .flatMap(({ events }) => events)
    .filter(({ position }) => position >= first)
    .sort((a, b) => a.position - b.position);
  const reader = readStates(first <= 1 ? emptyClusterView() : await loadView(first - 1), { kind, id });
  reader.fold(facts);
  return { reader, isCut: first > 1 };
}
