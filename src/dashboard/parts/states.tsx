/** The states of what was chosen: where it is in its machine or chart, and since when it was in each, as a strip and in words. */

import { formatDuration, formatTime } from '../../history/sentences/format-values.ts';
import type { ContainerState } from '../../model/container.ts';
import { isTerminal } from '../../model/container-machine.ts';
import { availabilityChart, nodeReachChart, rolloutChart, serviceChart } from '../../model/status-charts.ts';
import { type Mark, markOf, nodeMarks, rolloutMarks, serviceMarks } from '../../projections/rows/state-marks.ts';
import { layOutChart, layOutMachine, layOutServiceChart, type MachineGraph } from '../source/machine-graph.ts';
import { type ChartName, type Visit, visitsOf } from '../source/subject-states.ts';
import { details } from '../state/details.ts';
import { type Subject, shown, timeMs } from '../state/store.ts';
import { states } from '../state/subject-states.ts';
import { Jump } from './jump.tsx';
import { Machine } from './machine.tsx';

export function States({ subject }: { subject: Subject }) {
  return subject.kind === 'container' ? <OfContainer id={subject.id} /> : <OfCharts subject={subject} />;
}

const containerGraph = layOutMachine();

function OfContainer({ id }: { id: string }) {
  const { value } = details;
  const visits = visitsOf(value?.subject.id === id ? value.facts : []);
  const container = shown.value.view.containers.get(id);
  const health = container?.state === 'running' && container.isChecked ? container.health : null;
  if (visits.length === 0) return null;
  return (
    <>
      <Machine name="machine" graph={containerGraph} visits={visits} label={health} />
      <Visits visits={visits} markOfState={containerMark} />
    </>
  );
}

const containerMark = (state: string): Mark =>
  markOf({ state: state as ContainerState, health: 'unproven', isChecked: false }, false);

type ChartPart = { graph: MachineGraph; marks: Readonly<Record<string, Mark>> };

const charts: Readonly<Record<ChartName, ChartPart>> = {
  status: { graph: layOutServiceChart(serviceChart), marks: serviceMarks },
  rollout: { graph: layOutChart(rolloutChart), marks: rolloutMarks },
  reach: { graph: layOutChart(nodeReachChart), marks: nodeMarks },
  availability: { graph: layOutChart(availabilityChart), marks: nodeMarks },
};

function OfCharts({ subject: { kind, id } }: { subject: Subject }) {
  const { value } = states;
  if (value?.subject.id !== id || value.subject.kind !== kind) return null;
  const tracks = Object.entries(value.tracks) as [ChartName, readonly Visit[]][];
  return (
    <div class="co-charts">
      {tracks.map(([name, visits]) => {
        const { graph, marks } = charts[name];
        // Of most services nothing was rolled out yet.
        if (visits.length === 0 || (name === 'rollout' && visits.every(({ state }) => state === 'none'))) return null;
        return (
          <section key={name} aria-labelledby={`chart-${name}`} data-chart={name}>
            <h3 id={`chart-${name}`} class="h6 text-capitalize">
              {name}
            </h3>
            <Machine name={name} graph={graph} visits={visits} />
            <Visits visits={visits} markOfState={(state) => marks[state]!} isCut={value.isCut} />
          </section>
        );
      })}
    </div>
  );
}

type VisitsProps = { visits: readonly Visit[]; markOfState(state: string): Mark; isCut?: boolean };

/** In the strip, and in words: longer ways are in the history. */
const strippedMax = 60;
const listedMax = 8;

function Visits({ visits, markOfState, isCut = false }: VisitsProps) {
  const lasting = visits.map((visit, index) => {
    const next = visits[index + 1];
    const untilMs = next ? Date.parse(next.at) : timeMs.value;
    return { ...visit, lastsMs: Math.max(0, untilMs - Date.parse(visit.at)), mark: markOfState(visit.state) };
  });
  const listed = lasting.slice(-listedMax);
  const isLonger = isCut || listed.length < lasting.length;
  return (
    <>
      <div class="co-states" aria-hidden="true">
        {lasting.slice(-strippedMax).map(({ state, at, position, lastsMs, mark }) => (
          <span
            key={position}
            class={`co-${mark.tone}`}
            style={{ flexGrow: Math.max(1, lastsMs) }}
            title={`${mark.shape} ${state} ${formatDuration(lastsMs)}, since ${formatTime(at)}`}
          />
        ))}
      </div>
      <ol class="co-visits" data-testid="visits">
        {isLonger && <li class="text-body-secondary">… earlier ones, then</li>}
        {listed.map(({ state, at, position, lastsMs, mark }) => (
          <li key={position}>
            <Jump position={position} at={at} />{' '}
            <span class={`co-swatch co-${mark.tone}`} aria-hidden="true">
              {mark.shape}
            </span>
            {state}
            {isLast(state) ? '' : ` ${formatDuration(lastsMs)}`}
          </li>
        ))}
      </ol>
    </>
  );
}

/** How long something is over is no news. */
const isLast = (state: string): boolean => state === 'removed' || isTerminal(state as ContainerState);
