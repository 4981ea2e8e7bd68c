/** What the page shows: signals that its parts read, and the one place where they are set. */

import { batch, computed, signal } from '@preact/signals';
import { systemClock } from '../../clock.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Scope } from '../../model/token.ts';
import { type ClusterView, emptyClusterView } from '../../projections/view/cluster-view.ts';
import { getJson } from '../source/api.ts';
import { type Connection, keepLiveView } from '../source/live-view.ts';

/** A view is changed in place: each picture of it is one of these. */
export type Shown = { view: ClusterView; isLive: boolean };

export type Subject = { kind: 'container' | 'service' | 'node'; id: string };

type Session = { actor: string; scopes: readonly Scope[]; hasToken: boolean };

/** More than a screen; older ones are a step into the past away. */
const eventsKept = 500;

export const live = signal<Shown>({ view: emptyClusterView(), isLive: true });
export const isLoaded = signal(false);
export const connection = signal<Connection>('connecting');
export const isOutdated = signal(false);
/** The last facts, the oldest first. */
const liveEvents = signal<readonly LogEvent[]>([]);
export const session = signal<Session | null>(null);
export const selected = signal<Subject | null>(null);
/** Moves on by itself. */
const clockMs = signal(systemClock.nowMs());

/** What the past is shown of; null: nothing, it is live. */
const past = signal<{ view: ClusterView; events: readonly LogEvent[] } | null>(null);

export const shown = computed<Shown>(() => (past.value ? { view: past.value.view, isLive: false } : live.value));
/** What ages are measured from. */
export const timeMs = computed(() => (past.value ? Date.parse(past.value.view.at) : clockMs.value));
/** The facts up to what is shown, the oldest first. */
export const shownEvents = computed(() => past.value?.events ?? liveEvents.value);

export function showPast(shownPast: { view: ClusterView; events: readonly LogEvent[] } | null): void {
  past.value = shownPast;
}

const ticksMs = 5_000;

export function startStore(): void {
  keepLiveView({
    onView(view, events) {
      batch(() => {
        live.value = { view, isLive: true };
        clockMs.value = systemClock.nowMs();
        isLoaded.value = true;
        if (events.length > 0) liveEvents.value = [...liveEvents.value, ...events].slice(-eventsKept);
      });
      if (events.length === 0) void loadLatest();
    },
    onConnection(state) {
      connection.value = state;
    },
    onOutdated() {
      isOutdated.value = true;
    },
  });
  getJson<Session>('/session').then(
    (answer) => {
      session.value = answer;
    },
    () => {},
  );
  setInterval(() => {
    clockMs.value = systemClock.nowMs();
  }, ticksMs);
}

/** What came while it was asked for is there twice: once of the stream. */
async function loadLatest(): Promise<void> {
  const page = await getJson<{ events: LogEvent[] }>('/events?class=fact&direction=backward&limit=200').catch(
    () => null,
  );
  if (page === null) return;
  const older = page.events.toReversed();
  const last = older.at(-1)?.position ?? 0;
  liveEvents.value = [...older, ...liveEvents.value.filter(({ position }) => position > last)].slice(-eventsKept);
}
