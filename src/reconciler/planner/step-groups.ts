/** Groups planned steps into appends: what belongs together goes together, and no append outgrows the log's bounds. Pure. */

import { appendEventsMax } from '../../events/log/event-log.ts';
import type { PlannedType, Step } from './step.ts';

/** Below the log's own bounds: to each event the log adds its ids, up to 300 bytes. */
const stepsPerAppendMax = Math.floor(appendEventsMax * 0.9);
const bytesPerAppendMax = 700_000;

/**
 * One append a subject; a subject with more than fits is cut. What goes onto the service's own stream comes last, for it
 * ends the versions that the rest expects.
 */
export function groupSteps(steps: readonly Step[]): Step[][] {
  const bySubject = new Map<string, Step[]>();
  for (const step of steps) {
    const key = `${step.subject.kind}/${step.subject.name}`;
    const group = bySubject.get(key) ?? [];
    group.push(step);
    bySubject.set(key, group);
  }
  return [...bySubject.values()].flatMap((group) =>
    cut(group.toSorted((a, b) => Number(isOnSubject(a)) - Number(isOnSubject(b)))),
  );
}

const onSubject: ReadonlySet<PlannedType> = new Set<PlannedType>([
  'PlacementBlocked',
  'RestartDelayed',
  'ServiceRequested',
  'ServiceUnstable',
  'ServiceStable',
  'RolloutStarted',
  'RolloutPaused',
  'RolloutCompleted',
  'RolloutFailed',
  'JobDue',
  'JobSkipped',
  'JobCompleted',
  'JobFailed',
]);
const isOnSubject = ({ event }: Step) => onSubject.has(event.type);

/**
 * A rollout that is given up, and the request of what it goes back to. Apart, the first would end the version that the
 * second expects, and no plan after it would go back. What is between the bounds here and those of the log holds a spec.
 */
const isWithNext = ({ event }: Step) => event.type === 'RolloutFailed';

function cut(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  let group: Step[] = [];
  let groupBytes = 0;
  for (const step of steps) {
    const bytes = Buffer.byteLength(JSON.stringify(step.event));
    const isFull = group.length >= stepsPerAppendMax || groupBytes + bytes > bytesPerAppendMax;
    if (group.length === 0 || (isFull && !isWithNext(group.at(-1)!))) {
      group = [];
      groups.push(group);
      groupBytes = 0;
    }
    group.push(step);
    groupBytes += bytes;
  }
  return groups;
}
