/** A history at whose end nodes, services and containers are in every state there is, each named by its own. */

import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { jobPolicyDefault } from '../../../src/model/job.ts';
import { createHistory, type History, spec, specHashOf } from './history.ts';

/** Service or container → the state that it is in. */
export type EveryState = {
  events: NewEvent[];
  nodes: Readonly<Record<string, string>>;
  services: Readonly<Record<string, string>>;
  containers: Readonly<Record<string, string>>;
};

export function everyState(): EveryState {
  const history = createHistory();
  const nodes = addNodes(history);
  const containers = addContainers(history);
  const services = addServices(history);
  loseNodes(history);
  const events = history.events.map(({ stream, type, data, meta: { actor } }) => {
    return { stream, type, data, meta: { actor: `manager:${actor}`, causationId: null } } as NewEvent;
  });
  return { events, nodes, services, containers };
}

function addNodes(history: History): EveryState['nodes'] {
  const states = { good: 'ready', shut: 'cordoned', emptied: 'draining', quiet: 'silent', hung: 'engine lost' };
  for (const id of [...Object.keys(states), 'gone', 'bad']) history.node(id);
  history.add('NodeCordoned', { node: 'shut' });
  history.add('NodeDrainRequested', { node: 'emptied' });
  return { ...states, gone: 'lost', bad: 'suspect' };
}

function loseNodes(history: History): void {
  history.add('NodeSilent', { node: 'quiet', session: 1, lastHeardAt: null, silentMs: 6_000 });
  history.add(
    'EngineLost',
    { node: 'hung', session: 1, message: 'Docker does not answer', deadline: '2030-01-01T00:00:00.000Z' },
    streams.node('hung'),
  );
  history.add('NodeLost', { node: 'gone', session: 1, lastHeardAt: null, silentMs: 6_000 });
}

function addContainers(history: History): EveryState['containers'] {
  const service = 'all';
  history.serviceRequested(service, 12);
  const found: Record<string, string> = {};
  let slot = 0;
  const add = (state: string, node = 'good', ...steps: ((id: string) => unknown)[]): string => {
    slot += 1;
    const id = history.queued(service, slot, node);
    for (const step of steps) step(id);
    found[id] = state;
    return id;
  };
  const { starting, running, stopRequested, stopped, completed, failed } = history;
  const checked = (id: string) => {
    const { data } = history.running(id);
    Object.assign(data, { isChecked: true });
  };
  const ref = (id: string) => ({ container: id, service, slot, node: 'good' });
  add('in queue');
  add('starting', 'good', starting);
  add('running', 'good', running);
  add('unproven', 'good', checked);
  add('unhealthy', 'good', checked, (id) => history.add('ContainerUnhealthy', { ...ref(id), output: 'no' }));
  add('unknown', 'quiet', running);
  add('stopping', 'good', running, stopRequested);
  add('completed', 'good', running, completed);
  add('stopped', 'good', running, stopRequested, stopped);
  // What starts nowhere but there says that the node is at fault.
  for (let time = 0; time < 3; time += 1) add('failed', 'bad', (id) => failed(id, 'start error', 'no space left'));
  return found;
}

function addServices(history: History): EveryState['services'] {
  const run = (service: string) => history.running(history.queued(service, 1, 'good'));
  history.serviceRequested('well', 1);
  run('well');
  history.serviceRequested('coming', 1);
  history.serviceRequested('stuck', 1);
  history.blocked('stuck', 1);
  history.serviceRequested('blind', 1);
  history.running(history.queued('blind', 1, 'hung'));
  history.serviceRequested('leaving', 1);
  run('leaving');
  history.add('ServiceRemovalRequested', { service: 'leaving', generation: 2 });
  history.serviceRequested('held', 1);
  run('held');
  const [before, after] = [spec(), spec({ image: 'nginx:2' })];
  history.serviceRequested('held', 1, after);
  const rollout = { service: 'held', from: 1, to: 2 };
  const hashes = { fromSpecHash: specHashOf(before), specHash: specHashOf(after) };
  history.add('RolloutStarted', { ...rollout, ...hashes }, streams.service('held'));
  const why = { why: 'failures', reason: 'it failed', container: null, failures: 1 } as const;
  history.add('RolloutPaused', { ...rollout, ...why }, streams.service('held'));
  history.serviceRequested('done', 0, spec(), { mode: 'job', job: jobPolicyDefault });
  const due = { run: 1, generation: 1, cause: 'requested', dueAt: '2026-01-01T00:00:00.000Z', passed: 0 } as const;
  history.add('JobDue', { service: 'done', ...due, firstSlot: 1, completions: 1, isReplacing: false });
  const job = history.queued('done', 1, 'good');
  history.running(job);
  history.completed(job);
  history.add('JobCompleted', { service: 'done', run: 1, completions: 1, seconds: 1 });
  return {
    ...{ well: 'converged', coming: 'progressing', stuck: 'blocked', blind: 'degraded', leaving: 'removing' },
    ...{ held: 'paused', done: 'completed' },
  };
}
