/** Owns what an event has to tell beyond its sentence: candidates, who was ruled out and why, last log lines. Pure. */

import { explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { ContainerSpec } from '../../model/service.ts';
import { namesMax, quoteCharactersMax } from './event-sentences.ts';
import { sayBytes, sayCount, sayCpus, sayNames } from './format-values.ts';

/** Lines to show below the sentence, in order; mostly none. */
export function detailsOf(event: LogEvent): string[] {
  switch (event.type) {
    case 'ContainerQueued':
      return [...sayCandidates(event), ...sayRuledOut(event.data.filtered)];
    case 'PlacementBlocked':
      return sayRuledOut(event.data.filtered.filter(({ count }) => count > namesMax));
    case 'ContainerFailed':
      return [...sayEnd(event), ...sayLog(event.data.logTail)];
    case 'ContainerCompleted':
      return sayLog(event.data.logTail);
    default:
      return [];
  }
}

/** The scores are loads: the fewest replicas of the service wins, then the fewest containers. */
function sayCandidates({ data }: LogEvent<'ContainerQueued'>): string[] {
  return data.candidates.map(({ node, replicasOfService, containers }, index) => {
    const load = `${sayCount(replicasOfService, 'replica')} of ${data.service}, ${sayCount(containers, 'container')} in all`;
    return `${index === 0 ? 'chosen' : 'could also'}: ${node} with ${load}`;
  });
}

function sayRuledOut(filtered: FilteredNodes): string[] {
  return filtered.map(
    ({ reason, count, nodes }) => `ruled out: ${sayNames(nodes.slice(0, explanationNamesMax), count)}, as ${reason}`,
  );
}

/** Most messages name the exit code, and most are short. */
function sayEnd({ data: { exitCode, message } }: LogEvent<'ContainerFailed'>): string[] {
  const lines = message.length > quoteCharactersMax ? message.split('\n').map((line) => `message: ${line}`) : [];
  return exitCode === null || message.includes(`exit code ${exitCode}`) ? lines : [...lines, `exit code ${exitCode}`];
}

const sayLog = (lines: readonly string[]): string[] => lines.map((line) => `log: ${line}`);

/**
 * What one container spec changed of the one before, a line a member: `image nginx:1.27 → nginx:1.28`. Of environment and labels
 * only the names: their values may be long, or nobody's business on a screen.
 */
export function describeSpecChanges(before: ContainerSpec, after: ContainerSpec): string[] {
  const changes = [
    sayChange('image', before.image, after.image),
    sayChange('command', sayWords(before.command), sayWords(after.command)),
    sayChange('args', sayWords(before.args), sayWords(after.args)),
    sayEntryChanges('env', before.env, after.env),
    sayEntryChanges('label', before.labels, after.labels),
    sayChange('ports', sayPorts(before), sayPorts(after)),
    sayChange('memory', sayMemory(before), sayMemory(after)),
    sayChange('CPUs', sayCpuLimit(before), sayCpuLimit(after)),
    sayChange('name', before.name, after.name),
    sayChange('stop time-out', `${before.stopTimeoutSeconds} s`, `${after.stopTimeoutSeconds} s`),
  ];
  return changes.filter((line) => line !== null);
}

const sayChange = (what: string, before: string, after: string): string | null =>
  before === after ? null : `${what} ${before} → ${after}`;

const sayWords = (words: readonly string[] | null) => (words === null ? "the image's own" : words.join(' '));

const sayMemory = ({ resources: { memoryBytes } }: ContainerSpec) =>
  memoryBytes === null ? 'unlimited' : sayBytes(memoryBytes);

const sayCpuLimit = ({ resources: { cpuMillis } }: ContainerSpec) =>
  cpuMillis === null ? 'unlimited' : sayCpus(cpuMillis);

function sayPorts({ ports }: ContainerSpec): string {
  if (ports.length === 0) return 'none';
  return ports.map(({ container, host, protocol }) => `${host ?? 'any'}:${container}/${protocol}`).join(', ');
}

function sayEntryChanges(what: string, before: readonly { name: string }[], after: readonly { name: string }[]) {
  const textOf = (entries: readonly { name: string }[]) => new Map(entries.map((e) => [e.name, JSON.stringify(e)]));
  const [old, present] = [textOf(before), textOf(after)];
  const names = [...new Set([...old.keys(), ...present.keys()])].filter((name) => old.get(name) !== present.get(name));
  const changes = names.map((name) => {
    if (!old.has(name)) return `${name} added`;
    return present.has(name) ? `${name} changed` : `${name} removed`;
  });
  return changes.length === 0 ? null : `${what} ${changes.join(', ')}`;
}
