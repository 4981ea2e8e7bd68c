/** What was chosen, in full: how it is, its machine, its history with durations, and the causes of it, each a way back in time. */

import { useEffect, useRef } from 'preact/hooks';
import type { LogEvent } from '../../events/schema/event.ts';
import { sentenceOf } from '../../history/sentences/event-sentences.ts';
import { describeActor, formatBytes, formatCpus, formatDuration } from '../../history/sentences/format-values.ts';
import { shownContainerRow } from '../../projections/rows/container-row.ts';
import { nodeRow } from '../../projections/rows/node-row.ts';
import { serviceRow } from '../../projections/rows/service-row.ts';
import { type CauseLink, details } from '../state/details.ts';
import { type Subject, selected, shown, timeMs } from '../state/store.ts';
import { Actions } from './actions.tsx';
import { Jump } from './jump.tsx';
import { LogPanel } from './log-panel.tsx';
import { States } from './states.tsx';
import { WhatIf } from './what-if.tsx';

export function DetailsPanel() {
  const subject = selected.value;
  return subject === null ? null : <Panel subject={subject} />;
}

function Panel({ subject }: { subject: Subject }) {
  const heading = useOpened(subject);
  const loaded = details.value?.subject.id === subject.id ? details.value : null;
  return (
    <section class="co-details" aria-labelledby="details-heading" data-testid="details">
      <div class="d-flex align-items-center gap-2">
        <h2 ref={heading} id="details-heading" class="h5 m-0" tabIndex={-1}>
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
      <WhatIf subject={subject} />
      {subject.kind !== 'node' && <LogPanel subject={subject} />}
      <States subject={subject} />
      {loaded?.why && <Causes answer={loaded.why.answer} notes={loaded.why.notes} chain={loaded.why.chain} />}
      {loaded && <History facts={loaded.facts} />}
    </section>
  );
}

/**
 * What was chosen is read next: the panel comes into sight, and keys go on from its heading. Closed, they go on where it was opened.
 */
function useOpened({ kind, id }: Subject) {
  const heading = useRef<HTMLHeadingElement>(null);
  const opener = useRef<Element | null>(null);
  useEffect(() => {
    const element = heading.current!;
    if (document.activeElement !== element) opener.current = document.activeElement;
    const { top } = element.getBoundingClientRect();
    if (top < 0 || top > 0.8 * innerHeight) element.scrollIntoView({ block: 'start' });
    element.focus({ preventScroll: true });
  }, [kind, id]);
  useEffect(
    () => () => {
      if (opener.current instanceof HTMLElement && opener.current.isConnected) opener.current.focus();
    },
    [],
  );
  return heading;
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
    const {
      state,
      availability,
      reason,
      engine,
      engineVersion,
      memoryBytes,
      cpuMillis,
      hostname,
      containers,
      since,
      suspect,
    } = nodeRow(node);
    rows.push(['state', `${state}, ${availability}`], ['for', ageOf(since)], ['reason', reason]);
    rows.push(
      ['suspect', suspect?.message],
      ['containers', containers],
      ['engine', `${engine} ${engineVersion}`],
      ['host', hostname],
    );
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
