/** What was chosen, in full: how it is, its machine, its history with durations, and the causes of it, each a way back in time. */

import type { LogEvent } from '../../events/schema/event.ts';
import { sentenceOf } from '../../history/sentences/event-sentences.ts';
import {
  describeActor,
  formatBytes,
  formatCpus,
  formatDuration,
  formatTime,
} from '../../history/sentences/format-values.ts';
import { isTerminal } from '../../model/container-machine.ts';
import { shownContainerRow } from '../../projections/rows/container-row.ts';
import { nodeRow } from '../../projections/rows/node-row.ts';
import { serviceRow } from '../../projections/rows/service-row.ts';
import { visitsOf } from '../source/machine-graph.ts';
import { type CauseLink, details } from '../state/details.ts';
import { type Subject, selected, shown, timeMs } from '../state/store.ts';
import { goToPosition } from '../state/travel.ts';
import { Actions } from './actions.tsx';
import { LogPanel } from './log-panel.tsx';
import { Machine } from './machine.tsx';

export function DetailsPanel() {
  const subject = selected.value;
  if (subject === null) return null;
  const loaded = details.value?.subject.id === subject.id ? details.value : null;
  return (
    <section class="co-details" aria-labelledby="details-heading" data-testid="details">
      <div class="d-flex align-items-center gap-2">
        <h2 id="details-heading" class="h5 m-0">
          <small>{subject.kind}</small> {subject.id}
        </h2>
        <button
          type="button"
          class="btn-close ms-auto"
          aria-label="Close"
          onClick={() => {
            selected.value = null;
          }}
        />
      </div>
      <Facts subject={subject} />
      <Actions subject={subject} />
      {subject.kind !== 'node' && <LogPanel subject={subject} />}
      {subject.kind === 'container' && <ContainerMachine id={subject.id} facts={loaded?.facts ?? []} />}
      {loaded?.why && <Causes answer={loaded.why.answer} notes={loaded.why.notes} chain={loaded.why.chain} />}
      {loaded && <History facts={loaded.facts} />}
    </section>
  );
}

function Facts({ subject: { kind, id } }: { subject: Subject }) {
  const { view } = shown.value;
  const rows: [string, string | number | null | undefined][] = [];
  if (kind === 'container') {
    const container = view.containers.get(id);
    if (!container) return <p>It is not in the cluster at this time, or ended more than an hour before.</p>;
    const { service, node, state, health, reason, message, exitCode, image, since, replaces } = shownContainerRow(
      view,
      container,
    );
    rows.push(['state', health === null ? state : `${state}, ${health}`], ['for', ageOf(since)], ['reason', reason]);
    rows.push(['message', message], ['exit code', exitCode], ['node', node], ['service', service]);
    rows.push(['image', image], ['replaces', replaces], ['last words', container.logTail.join('\n') || null]);
  } else if (kind === 'service') {
    const service = view.services.get(id);
    if (!service) return <p>There is no such service at this time.</p>;
    const { status, reason, running, replicas, mode, generation, image, imageDigest, updatedAt } = serviceRow(
      view,
      service,
    );
    rows.push(['status', status], ['reason', reason], ['running', `${running} of ${replicas}`], ['mode', mode]);
    rows.push(
      ['image', image],
      ['digest', imageDigest],
      ['generation', generation],
      ['changed', `${ageOf(updatedAt)} ago`],
    );
  } else {
    const node = view.nodes.get(id);
    if (!node) return <p>There is no such node at this time.</p>;
    const { state, availability, reason, engine, engineVersion, memoryBytes, cpuMillis, hostname, containers, since } =
      nodeRow(node);
    rows.push(['state', `${state}, ${availability}`], ['for', ageOf(since)], ['reason', reason]);
    rows.push(['containers', containers], ['engine', `${engine} ${engineVersion}`], ['host', hostname]);
    rows.push(['offers', `${formatBytes(memoryBytes)}, ${formatCpus(cpuMillis)}`]);
  }
  return (
    <dl class="co-facts">
      {rows.map(([term, value]) =>
        value === null || value === undefined ? null : (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

const ageOf = (at: string): string => formatDuration(Math.max(0, timeMs.value - Date.parse(at)));

function ContainerMachine({ id, facts }: { id: string; facts: readonly LogEvent[] }) {
  const visits = visitsOf(facts);
  const container = shown.value.view.containers.get(id);
  if (visits.length === 0) return null;
  return (
    <>
      <Machine visits={visits} health={container?.isChecked ? container.health : null} />
      <ol class="co-visits" data-testid="visits">
        {visits.map(({ state, at, position }, index) => {
          const next = visits[index + 1];
          const untilMs = next ? Date.parse(next.at) : timeMs.value;
          const lasts = isTerminal(state) ? '' : ` ${formatDuration(Math.max(0, untilMs - Date.parse(at)))}`;
          return (
            <li key={position}>
              <Jump position={position} at={at} /> {state}
              {lasts}
            </li>
          );
        })}
      </ol>
    </>
  );
}

function Causes({ answer, notes, chain }: { answer: string; notes: readonly string[]; chain: readonly CauseLink[] }) {
  return (
    <>
      <h3 class="h6">{shown.value.isLive ? 'Why' : 'Why, as far as is known by now'}</h3>
      <p data-testid="answer">{answer}</p>
      {notes.map((note) => (
        <p key={note} class="small">
          {note}
        </p>
      ))}
      <ol class="co-chain" data-testid="chain">
        {chain.map(({ position, at, actor, sentence }, index) => (
          <li key={position} data-position={position}>
            <Jump position={position} at={at} /> {sentence}
            {index === chain.length - 1 && <small class="co-origin"> · begun by {describeActor(actor)}</small>}
          </li>
        ))}
      </ol>
    </>
  );
}

function History({ facts }: { facts: readonly LogEvent[] }) {
  return (
    <>
      <h3 class="h6">History</h3>
      <ol class="list-unstyled co-event-list" data-testid="history">
        {facts.toReversed().map((event, index, newestFirst) => {
          const before = newestFirst[index + 1];
          const after = before ? `+${formatDuration(Math.max(0, Date.parse(event.at) - Date.parse(before.at)))}` : '';
          return (
            <li key={event.position} class="co-event">
              <Jump position={event.position} at={event.at} />
              <span>
                {sentenceOf(event)} <small class="co-after">{after}</small>
              </span>
            </li>
          );
        })}
      </ol>
    </>
  );
}

/** A way to the point in time of an event. */
function Jump({ position, at }: { position: number; at: string }) {
  return (
    <button type="button" class="co-jump" title="Show the cluster then" onClick={() => goToPosition(position)}>
      <time dateTime={at}>{formatTime(at).slice('2026-01-01 '.length, -'.000'.length)}</time>
    </button>
  );
}
