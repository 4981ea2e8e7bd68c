/** What the page shows of services and nodes over time: their own facts say the same as all facts, and no step leaves their charts. */

import { deepStrictEqual, ok } from 'node:assert';
import {
  type ChartName,
  readStates,
  type StateSubject,
  type Tracks,
  type Visit,
} from '../../../src/dashboard/source/subject-states.ts';
import type { LogEvent } from '../../../src/events/schema/event.ts';
import {
  availabilityChart,
  type Chart,
  nodeReachChart,
  rolloutChart,
  serviceChart,
} from '../../../src/model/status-charts.ts';
import { nodeReach } from '../../../src/projections/rows/node-row.ts';
import { serviceRow } from '../../../src/projections/rows/service-row.ts';
import { type ClusterView, emptyClusterView } from '../../../src/projections/view/cluster-view.ts';
import { copyView } from '../../../src/projections/view/copy-view.ts';
import { evolve } from '../../../src/projections/view/evolve.ts';

const charts: Readonly<Record<ChartName, Chart>> = {
  ...{ status: serviceChart, rollout: rolloutChart, reach: nodeReachChart, availability: availabilityChart },
};

export function assertStatesFollow(events: readonly LogEvent[], because: string): void {
  const middle = events[Math.floor(events.length / 2)]!.position;
  const { view, from, whole } = foldAll(events, middle);
  ok(view.position > from.position);
  const types = new Map(events.map(({ position, type }) => [position, type]));
  const typeAt = (position: number): string => types.get(position) ?? '';
  for (const [name, expected] of whole) {
    const [kind, id] = name.split(' ') as [StateSubject['kind'], string];
    const read = (start: ClusterView) => {
      const reader = readStates(start, { kind, id });
      reader.fold(events);
      return reader.tracks();
    };
    const tracks = read(emptyClusterView());
    deepStrictEqual(stepsOf(tracks), expected, `the states of ${name}, ${because}`);
    const later = stepsOf(read(copyView(from)));
    for (const [chart, steps] of Object.entries(expected)) {
      const before = steps.findLast(([position]) => position <= middle)?.[1];
      // What is gone and comes again begins as it was: for who begins in the middle it is the first.
      const found = later[chart]!.filter(
        ([position, state], index) => position > middle && (index > 0 || state !== before),
      );
      const after = steps.filter(([position]) => position > middle);
      deepStrictEqual(found, after, `the ${chart} of ${name} since ${middle}, ${because}`);
    }
    for (const [chart, visits] of Object.entries(tracks)) {
      assertWalk(charts[chart as ChartName], visits, { typeAt, because: `${name}, ${because}` });
    }
  }
}

/** Chart → which state from which position on. */
type Steps = Record<string, [position: number, state: string][]>;

const stepsOf = (tracks: Tracks): Steps =>
  Object.fromEntries(
    Object.entries(tracks).map(([chart, visits]) => [chart, visits.map(({ position, state }) => [position, state])]),
  );

/** By every fact, as a manager folds them. */
function foldAll(events: readonly LogEvent[], middle: number) {
  const view = emptyClusterView();
  let from = view;
  const whole = new Map<string, Steps>();
  const note = (subject: string, chart: ChartName, state: string | null) => {
    const steps = whole.get(subject) ?? {};
    whole.set(subject, steps);
    const track = steps[chart] ?? [];
    steps[chart] = track;
    const shown = state ?? (chart === 'status' || chart === 'reach' ? 'removed' : null);
    if (shown !== null && track.at(-1)?.[1] !== shown) track.push([view.position, shown]);
  };
  for (const event of events) {
    evolve(view, event);
    for (const name of new Set([...view.services.keys(), ...view.removedServices.keys()])) {
      const service = view.services.get(name);
      note(`service ${name}`, 'status', service ? serviceRow(view, service).status : null);
      note(`service ${name}`, 'rollout', service ? (service.rollout?.state ?? 'none') : null);
    }
    for (const id of new Set([...view.nodes.keys(), ...view.removedNodes.keys()])) {
      const node = view.nodes.get(id);
      note(`node ${id}`, 'reach', node ? nodeReach(node) : null);
      note(`node ${id}`, 'availability', node?.availability ?? null);
    }
    if (event.position === middle) from = copyView(view);
  }
  return { view, from, whole };
}

function assertWalk(
  chart: Chart,
  visits: readonly Visit[],
  { typeAt, because }: { typeAt(position: number): string; because: string },
): void {
  for (const [index, { state, position }] of visits.entries()) {
    ok(state in chart, `${state} is in no chart: ${because}`);
    const before = visits[index - 1]?.state;
    if (before === undefined) continue;
    const facts = chart[before]![state];
    const step = `${before} → ${state} by ${typeAt(position)} at ${position}`;
    ok(facts !== undefined && (facts.length === 0 || facts.includes(typeAt(position))), `${step}: ${because}`);
  }
}
