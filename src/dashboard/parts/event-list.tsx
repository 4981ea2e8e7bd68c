/** The facts up to what is shown, the latest first, each as its sentence; with filters. */

import { useComputed, useSignal } from '@preact/signals';
import type { LogEvent } from '../../events/schema/event.ts';
import { sentenceOf } from '../../history/sentences/event-sentences.ts';
import { shown, shownEvents } from '../state/store.ts';
import { Jump } from './jump.tsx';

const rowsMax = 100;

const kinds = {
  all: 'everything',
  people: 'by people',
  failures: 'failures',
  services: 'services',
  containers: 'containers',
  nodes: 'nodes',
} as const;
type Kind = keyof typeof kinds;

const isOfKind: Readonly<Record<Kind, (event: LogEvent) => boolean>> = {
  all: () => true,
  people: ({ meta }) => meta.actor.startsWith('person:'),
  failures: ({ type }) => /Failed|Lost|Unhealthy|Blocked|Raised|Refused|Unstable/.test(type),
  services: ({ stream }) => stream.startsWith('service/'),
  containers: ({ stream }) => stream.startsWith('container/'),
  nodes: ({ stream }) => stream.startsWith('node/'),
};

/** Pure. @param text in the sentence, the type or the stream, whatever the case */
function filterEvents(events: readonly LogEvent[], kind: Kind, text: string): LogEvent[] {
  const wanted = text.trim().toLowerCase();
  const found: LogEvent[] = [];
  for (let index = events.length - 1; index >= 0 && found.length < rowsMax; index -= 1) {
    const event = events[index]!;
    if (!isOfKind[kind](event)) continue;
    if (wanted === '' || `${sentenceOf(event)} ${event.type} ${event.stream}`.toLowerCase().includes(wanted))
      found.push(event);
  }
  return found;
}

export function EventList() {
  const kind = useSignal<Kind>('all');
  const text = useSignal('');
  const events = useComputed(() => filterEvents(shownEvents.value, kind.value, text.value));
  return (
    <section aria-labelledby="events-heading" class="co-events">
      <h2 id="events-heading" class="h6">
        Events
      </h2>
      <form class="row g-2 mb-2" onSubmit={(event) => event.preventDefault()}>
        <div class="col-auto">
          <select
            class="form-select form-select-sm"
            aria-label="Kind of events"
            value={kind.value}
            onChange={({ currentTarget }) => {
              kind.value = currentTarget.value as Kind;
            }}
          >
            {Object.entries(kinds).map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </div>
        <div class="col">
          <input
            type="search"
            class="form-control form-control-sm"
            placeholder="web, worker-2, drain …"
            aria-label="Events with this text"
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
            }}
          />
        </div>
      </form>
      <ol class="list-unstyled co-event-list" data-testid="events" reversed>
        {events.value.map((event, index) => (
          // Of the past all change with each picture: rows are kept, and their words replaced.
          <Row key={shown.value.isLive ? event.position : index} event={event} />
        ))}
      </ol>
      {events.value.length === 0 && <p class="small">No event matches.</p>}
    </section>
  );
}

function Row({ event }: { event: LogEvent }) {
  const { position, at, type } = event;
  return (
    <li class="co-event" data-position={position} data-type={type}>
      <Jump position={position} at={at} />
      <span>{sentenceOf(event)}</span>
    </li>
  );
}
