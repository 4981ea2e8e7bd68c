/**
 * The sentence of each event type, the one place where an event is put into words: for why, history, replay and
 * the page. Each is a clause that stands alone or after "because": a name first, past tense, no full stop. Pure.
 */

import { type EventData, type EventType, explanationNamesMax } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import {
  describeActor,
  formatBytes,
  formatCount,
  formatCpus,
  formatDigest,
  formatDuration,
  formatNames,
  formatSeconds,
  formatTime,
  formatTimeBeside,
  isByAgent,
  isPerson,
} from './format-values.ts';
import { runCauses, stopReasons } from './reasons.ts';

/** One entry for each event type there is: a forgotten one does not compile. */
type Sentences = { readonly [T in EventType]: (event: LogEvent<T>) => string };

/** More names than this in one sentence are counted. */
export const namesMax = 3;

const sentences: Sentences = {
  ClockCorrected: (event) =>
    `${who(event)} corrected the clock from ${formatTime(event.data.from)} to ${formatTime(event.data.to)}: times before were ahead`,

  ClusterCreated: (event) => `${who(event)} created the cluster ${event.data.name}`,

  ServiceRequested(event) {
    const { container, changed, generation, service } = event.data;
    const spec = `${describeWanted(event.data)} from ${container.image}`;
    if (!changed) return `${who(event)} requested ${spec} again, which changed nothing`;
    const { rollbackTo } = event.data;
    if (rollbackTo !== undefined) {
      return `${who(event)} rolled ${service} back to generation ${rollbackTo}: ${spec} (generation ${generation})`;
    }
    return `${who(event)} requested ${spec} (generation ${generation})`;
  },
  ServiceScaled(event) {
    const { service, from, replicas, generation } = event.data;
    return `${who(event)} scaled ${service} from ${from} to ${formatCount(replicas, 'replica')} (generation ${generation})`;
  },
  ServiceRemovalRequested: (event) => `${who(event)} asked to remove ${event.data.service}`,
  ServiceRemoved: ({ data }) => `${data.service} was removed: none of its containers is left`,

  ContainerQueued(event) {
    const { data } = event;
    if (isByAgent(event))
      return `${who(event)} restarted ${data.replaces} by itself as ${data.container}: no manager could be reached`;
    const { container, node, replaces } = data;
    const place = replaces === null ? '' : ` in place of ${replaces}`;
    return `${container} was placed on ${node}${place}, ${describeChoice(data)}`;
  },
  PlacementBlocked({ data }) {
    const { service, slots, missing, filtered } = data;
    if (missing === 0) return `every container of ${service} has a node again`;
    const names = slots.slice(0, namesMax).map((slot) => `${service}.${slot}`);
    const reasons = filtered.map(({ reason, count, nodes }) => `${reason} (${formatNodes(nodes, count)})`);
    const why = reasons.length > 0 ? reasons.join('; ') : 'the cluster had no node';
    return `no node could take ${formatNames(names, missing)}: ${why}`;
  },
  ContainerStarting: ({ data }) => `${data.node} took ${data.container} and began to start it`,
  ContainerRunning({ data }) {
    const ports = data.ports.map(({ container, host, protocol }) => `${container}/${protocol} at host port ${host}`);
    const published = ports.length > 0 ? `, ${formatNames(ports.slice(0, namesMax), ports.length)}` : '';
    return `${data.container} began to run on ${data.node}${published}`;
  },
  ContainerFailed: ({ data }) => `${data.container} ${describeFailure(data)}`,
  ContainerStopRequested({ data }) {
    const { container, node, service, reason, stopTimeoutSeconds } = data;
    return `${container} on ${node} was asked to stop within ${stopTimeoutSeconds} s: ${stopReasons[reason]({ service, node })}`;
  },
  ContainerStopped({ data: { container, node, exitCode } }) {
    return `${container} stopped on ${node} as asked${exitCode === null ? '' : ` (exit code ${exitCode})`}`;
  },
  ContainerCompleted: ({ data: { container, node, note } }) =>
    `${container} ended by itself on ${node} with exit code 0${note === undefined ? '' : `: ${note}`}`,
  ContainerHealthy: ({ data }) => `${data.container} on ${data.node} became healthy`,
  ContainerUnhealthy: ({ data: { container, node, output } }) =>
    `${container} on ${node} became unhealthy: ${quote(output.trim() || 'its check failed')}`,
  ServiceUnstable: ({ data: { service, slot, failures, withinMs, reason } }) =>
    `${service}.${slot} failed ${failures} times within ${formatDuration(withinMs)}, the last time ${quote(reason)}`,
  ServiceStable: ({ data: { service } }) => `${service} was stable again: no slot of it failed for a while`,
  RolloutStarted: ({ data: { service, from, to } }) =>
    `the rollout of ${service} from generation ${from} to generation ${to} began`,
  RolloutPaused: (event) => `${who(event)} paused the rollout of ${event.data.service}: ${quote(event.data.reason)}`,
  RolloutResumed: (event) =>
    `${who(event)} ${event.data.isPromoted ? 'promoted' : 'resumed'} the rollout of ${event.data.service} to generation ${event.data.to}`,
  RolloutCompleted: ({ data: { service, to } }) =>
    `the rollout of ${service} to generation ${to} was complete: every replica served`,
  RolloutFailed: (event) => `${who(event)} gave up the rollout of ${event.data.service}: ${quote(event.data.reason)}`,
  JobDue: ({ data: { service, run, cause, dueAt, completions }, at }) =>
    `run ${run} of ${service} began: ${runCauses[cause](formatTimeBeside(dueAt, at))}, ${formatCount(completions, 'container')} to end with 0`,
  JobSkipped({ data: { service, dueAt, ticks, why, run }, at }) {
    const what = ticks === 1 ? 'the tick' : `${ticks} ticks up to that`;
    const reason = why === 'missed' ? 'no manager led at the time' : `run ${run} went on`;
    return `${what} of ${service} at ${formatTimeBeside(dueAt, at)} ${ticks === 1 ? 'was' : 'were'} skipped: ${reason}`;
  },
  JobCompleted: ({ data: { service, run, completions, seconds } }) =>
    `run ${run} of ${service} was complete after ${formatSeconds(seconds)}: ${formatCount(completions, 'container')} ended with 0`,
  JobFailed: ({ data: { service, run, reason } }) => `run ${run} of ${service} failed: ${quote(reason)}`,
  RestartDelayed({ data, at }) {
    const { service, slot, container, failures, delayMs, until } = data;
    const times = failures === 1 ? 'once' : failures === 2 ? 'twice in a row' : `${failures} times in a row`;
    const end = `${service}.${slot} went down ${times}, the last time as ${container}`;
    return `${end}: its next start waits ${formatDuration(delayMs)}, until ${formatTimeBeside(until, at)}`;
  },
  StaleContainerRemoved: ({ data }) =>
    `${data.node} removed ${data.container}, which it should no longer have: ${data.reason}`,

  NodeRegistered: (event) => `${event.data.node} joined with ${describeOffer(event.data)}`,
  NodeReturned: (event) => `${event.data.node} came back with ${describeOffer(event.data)}`,
  RegistrationRefused({ data: { node, hostname, instance } }) {
    return `${node} stayed with its agent: another, on ${hostname} with process id ${instance.pid}, was refused`;
  },
  NodeLost(event) {
    const { data, at, meta } = event;
    const { node, lastHeardAt, silentMs } = data;
    const heard =
      lastHeardAt === null ? 'no heartbeat is on record' : `last heard at ${formatTimeBeside(lastHeardAt, at)}`;
    if (data.reason === 'engine silent')
      return `${node} was lost: its agent was heard, its engine did not answer any more`;
    if (isPerson(meta.actor)) return `${who(event)} declared ${node} lost: ${heard}`;
    return `${node} was lost: ${heard}, no heartbeat in the last ${formatDuration(silentMs)}`;
  },
  EngineLost({ data: { node, message, deadline }, at }) {
    const end = `nothing is placed there, and its containers count as lost at ${formatTimeBeside(deadline, at)}`;
    return `the engine of ${node} did not answer: ${quote(message)}; ${end}`;
  },
  EngineReturned: ({ data }) => `the engine of ${data.node} answered again`,
  NodeSilent({ data: { node, silentMs } }) {
    return `${node} was silent for ${formatDuration(silentMs)}: rescheduling is paused, so it does not count as lost`;
  },
  NodeHeard: ({ data }) => `${data.node} was heard again`,
  RebalanceRequested({ data: { service, slot, container, node, to, replicasFrom, replicasTo } }) {
    return `${service}.${slot} (${container}) was to move from ${node}, which had ${replicasFrom} of it, to ${to}, which had ${replicasTo}`;
  },
  ServiceBalanced: ({ data: { service, moves } }) => `${service} was balanced after ${formatCount(moves, 'move')}`,
  NodeLabelsSet(event) {
    const { node, labels } = event.data;
    const set = labels.map(({ name, value }) => `${name}=${value}`);
    return `${who(event)} set the labels of ${node}: ${set.length === 0 ? 'none' : formatNames(set.slice(0, namesMax), set.length)}`;
  },
  NodeCordoned: (event) => `${who(event)} cordoned ${event.data.node}: nothing new is placed there`,
  NodeDrainRequested: (event) => `${who(event)} asked to drain ${event.data.node}: its containers move elsewhere`,
  NodeActivated: (event) => `${who(event)} made ${event.data.node} active: containers may be placed there`,
  NodeRemoved: (event) => `${who(event)} removed ${event.data.node} from the cluster`,

  ControllerElected: ({ data }) => `manager ${data.controllerId} began to lead, term ${data.term}`,
  ControllerResigned: ({ data }) =>
    `manager ${data.controllerId} stopped leading, term ${data.term}${data.reason ? ': its broker was away while the log answered' : ''}`,

  AlarmRaised: ({ data }) => `alarm ${describeAlarm(data)} was raised: ${quote(data.message)}`,
  AlarmCleared: ({ data }) => `alarm ${describeAlarm(data)} is over`,
  HoldReleased: ({ data }) => `containers of lost nodes may be moved again: ${data.reason}`,

  ImageResolved({ data: { service, generation, image, digest, reason, node } }) {
    const of = `${image}, of generation ${generation} of ${service},`;
    if (digest === null) return `${of} has no digest on ${node}: ${reason ?? 'no reason is on record'}`;
    return `${of} is ${formatDigest(digest)}, as ${node} has it: all its containers run that`;
  },

  ExecStarted(event) {
    const { container, node, command } = event.data;
    return `${who(event)} ran a command in ${container} on ${node}: ${quote(command.join(' '))}`;
  },
  ExecEnded({ data: { container, exitCode, seconds, reason } }) {
    const end = exitCode === null ? 'was not seen to end' : `ended with exit code ${exitCode}`;
    const why = reason === null ? '' : `: ${quote(reason)}`;
    return `the command in ${container} ${end}, after ${formatSeconds(seconds)}${why}`;
  },

  RegistryLoginSet(event) {
    const { host, username, version, changed } = event.data;
    const login = `the login of ${username} at ${host}`;
    return changed
      ? `${who(event)} set ${login} (version ${version})`
      : `${who(event)} set ${login} again, which changed nothing`;
  },
  RegistryLoginRemoved: (event) => `${who(event)} removed the login at ${event.data.host}`,

  TokenIssued(event) {
    const { token, name, scopes, expiresAt } = event.data;
    const end = expiresAt === null ? 'until it is revoked' : `until ${formatTimeBeside(expiresAt, event.at)}`;
    return `${who(event)} issued token ${token} to ${name}, for ${formatNames(scopes, scopes.length)}, ${end}`;
  },
  TokenUsed: ({ data: { token, name, node } }) => `node ${node} joined by token ${token} of ${name}, which is used up`,
  TokenRevoked: (event) => `${who(event)} revoked token ${event.data.token} of ${event.data.name}`,

  RequestRefused(event) {
    const { method, path, status, code, detail, address, count = 1 } = event.data;
    const from = address === undefined ? '' : ` from ${address}`;
    const others = count === 1 ? '' : `, and ${formatCount(count - 1, 'call')} like it`;
    return `${who(event)}${from} was refused ${method} ${path} with ${status} ${code}${others}: ${quote(detail)}`;
  },
  HistoryPruned({ data }) {
    const what = `${formatCount(data.events, 'event')} of telemetry`;
    return `${what} up to position ${data.throughPosition} were emptied; facts stay`;
  },

  HeartbeatsReceived({ data: { heartbeats } }) {
    const nodes = [...new Set(heartbeats.map(({ node }) => node))];
    if (nodes.length === 0) return 'no node was heard';
    return `${formatNodes(nodes, nodes.length)} ${nodes.length === 1 ? 'was' : 'were'} heard`;
  },
  ApiReadsRecorded({ data: { calls } }) {
    const made = calls.reduce((sum, { count = 1 }) => sum + count, 0);
    const callers = [...new Set(calls.map(({ actor }) => describeActor(actor)))];
    return `${formatNames(callers.slice(0, namesMax), callers.length)} made ${formatCount(made, 'call')} that changed nothing`;
  },
  PullProgressReported({ data: { pulls } }) {
    const shown = pulls.slice(0, namesMax).map(({ node, image, currentBytes, totalBytes }) => {
      const total = totalBytes > 0 ? ` of ${formatBytes(totalBytes)}` : '';
      return `${node} has ${formatBytes(currentBytes)}${total} of ${image}`;
    });
    return formatNames(shown, pulls.length);
  },
};

function describeWanted({ mode, service, replicas }: EventData<'ServiceRequested'>): string {
  if (mode === 'job') return `job ${service}`;
  return mode === 'global' ? `${service} on every node` : `${formatCount(replicas, 'replica')} of ${service}`;
}

/** One line, in past tense, without its time: the caller shows `at` beside it. */
export function sentenceOf(event: LogEvent): string {
  return (sentences[event.type] as (event: LogEvent) => string)(event);
}

/** Engines and registries speak at length, in lines: this much of it is part of a sentence, all of it of the details. */
export const quoteCharactersMax = 240;

function quote(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ').trim();
  return line.length > quoteCharactersMax ? `${line.slice(0, quoteCharactersMax)}…` : line;
}

const who = (event: LogEvent): string => describeActor(event.meta.actor);

function formatNodes(nodes: readonly string[], total: number): string {
  return formatNames(nodes.slice(0, namesMax), total);
}

const describeAlarm = ({ alarm, subject }: { alarm: string; subject: string }) =>
  subject === '' ? `"${alarm}"` : `"${alarm}" about ${subject}`;

/** Why this node, after its name: how many others would have done, and how many would not. */
export function describeChoice({ candidates, filtered }: EventData<'ContainerQueued'>): string {
  const [best, second] = candidates;
  const ruledOut = filtered.reduce((sum, { count }) => sum + count, 0);
  const others = ruledOut === 0 ? '' : ` (${ruledOut} ruled out)`;
  if (!best) return `chosen for a reason that is not on record${others}`;
  if (candidates.length === 1) return `the only node that could take it${others}`;
  const isTie = second !== undefined && JSON.stringify({ ...second, node: best.node }) === JSON.stringify(best);
  const rank = best.usedPercent === undefined ? 'least loaded' : 'fullest';
  // A decision keeps the best few only.
  const atLeast = candidates.length === explanationNamesMax ? 'at least ' : '';
  return `${isTie ? 'one of ' : ''}the ${rank} of ${atLeast}${candidates.length} nodes that could take it${others}`;
}

/** What became of it, after its name. */
export function describeFailure({ node, reason, message }: EventData<'ContainerFailed'>): string {
  switch (reason) {
    case 'exited':
      return `exited by itself on ${node}: ${quote(message)}`;
    case 'oom':
      return `ran out of memory on ${node}: ${quote(message)}`;
    case 'killed':
      return `was killed on ${node}: ${quote(message)}`;
    case 'unhealthy':
      return `failed its health check on ${node}: ${quote(message)}`;
    case 'start error':
      return `could not be started on ${node}: ${quote(message)}`;
    case 'image':
      return `got no image on ${node}: ${quote(message)}`;
    case 'queue timeout':
      return `was given up: ${quote(message)}`;
    case 'node lost':
      return `was lost with its node: ${quote(message)}`;
  }
}

function describeOffer({ engine, inventory, hostAccess }: EventData<'NodeRegistered'>): string {
  const has = inventory.length === 0 ? 'no container' : formatCount(inventory.length, 'container');
  // A simulated engine's version is a warning, not a number.
  const runs = engine.kind === 'docker' ? `docker ${engine.version}` : `a ${engine.kind} engine`;
  const paths = hostAccess ? [...hostAccess.binds, ...hostAccess.devices] : [];
  const access =
    paths.length === 0 ? '' : `; its containers may use ${formatNames(paths.slice(0, namesMax), paths.length)}`;
  return `${has} on ${runs}, ${formatBytes(engine.memoryBytes)} and ${formatCpus(engine.cpuMillis)}${access}`;
}
