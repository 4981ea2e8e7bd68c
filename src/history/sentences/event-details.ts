/** The details of an event beyond its sentence: candidates, nodes ruled out and why, last log lines. Pure. */

import { explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { type OptionName, optionNames } from '../../model/container-options.ts';
import type { ContainerSpec } from '../../model/service.ts';
import { namesMax, quoteCharactersMax } from './event-sentences.ts';
import { formatBytes, formatCount, formatCpus, formatNames } from './format-values.ts';

/** Lines to show below the sentence, in order; mostly none. */
export function detailsOf(event: LogEvent): string[] {
  switch (event.type) {
    case 'ContainerQueued':
      return [...describeCandidates(event), ...describeRuledOut(event.data.filtered)];
    case 'PlacementBlocked':
      return describeRuledOut(event.data.filtered.filter(({ count }) => count > namesMax));
    case 'ContainerFailed':
      return [...describeEnd(event), ...describeLog(event.data.logTail)];
    case 'ContainerCompleted':
      return describeLog(event.data.logTail);
    default:
      return [];
  }
}

/** The scores are loads: the fewest replicas of the service wins, then the fewest containers. */
function describeCandidates({ data }: LogEvent<'ContainerQueued'>): string[] {
  return data.candidates.map(({ node, replicasOfService, containers }, index) => {
    const load = `${formatCount(replicasOfService, 'replica')} of ${data.service}, ${formatCount(containers, 'container')} in all`;
    return `${index === 0 ? 'chosen' : 'could also'}: ${node} with ${load}`;
  });
}

function describeRuledOut(filtered: FilteredNodes): string[] {
  return filtered.map(
    ({ reason, count, nodes }) => `ruled out: ${formatNames(nodes.slice(0, explanationNamesMax), count)}, as ${reason}`,
  );
}

/** Most messages name the exit code, and most are short. */
function describeEnd({ data: { exitCode, message } }: LogEvent<'ContainerFailed'>): string[] {
  const lines = message.length > quoteCharactersMax ? message.split('\n').map((line) => `message: ${line}`) : [];
  return exitCode === null || message.includes(`exit code ${exitCode}`) ? lines : [...lines, `exit code ${exitCode}`];
}

const describeLog = (lines: readonly string[]): string[] => lines.map((line) => `log: ${line}`);

/**
 * What one container spec changed of the one before, a line a member: `image nginx:1.27 → nginx:1.28`. Of environment and labels
 * only the names: their values may be long, or secret.
 */
export function describeSpecChanges(before: ContainerSpec, after: ContainerSpec): string[] {
  const changes = [
    describeChange('image', before.image, after.image),
    describeChange('command', formatWords(before.command), formatWords(after.command)),
    describeChange('args', formatWords(before.args), formatWords(after.args)),
    formatEntryChanges('env', before.env, after.env),
    formatEntryChanges('label', before.labels, after.labels),
    describeChange('ports', formatPorts(before), formatPorts(after)),
    describeChange('memory', formatMemory(before), formatMemory(after)),
    describeChange('CPUs', formatCpuLimit(before), formatCpuLimit(after)),
    describeChange('name', before.name, after.name),
    describeChange('reserve', formatReserve(before), formatReserve(after)),
    ...optionNames.map((name) => describeChange(name, formatOption(before, name), formatOption(after, name))),
    describeChange('stop time-out', `${before.stopTimeoutSeconds} s`, `${after.stopTimeoutSeconds} s`),
  ];
  return changes.filter((line) => line !== null);
}

const describeChange = (what: string, before: string, after: string): string | null =>
  before === after ? null : `${what} ${before} → ${after}`;

const formatWords = (words: readonly string[] | null) => (words === null ? "the image's own" : words.join(' '));

const formatMemory = ({ resources: { memoryBytes } }: ContainerSpec) =>
  memoryBytes === null ? 'unlimited' : formatBytes(memoryBytes);

const formatCpuLimit = ({ resources: { cpuMillis } }: ContainerSpec) =>
  cpuMillis === null ? 'unlimited' : formatCpus(cpuMillis);

function formatReserve({ resources: { reserve } }: ContainerSpec): string {
  const { memoryBytes = null, cpuMillis = null } = reserve ?? {};
  const parts = [memoryBytes === null ? [] : formatBytes(memoryBytes), cpuMillis === null ? [] : formatCpus(cpuMillis)];
  return parts.flat().join(' and ') || 'as the limits';
}

/** Short ones as they are, the others as they are stored: they hold no secrets. */
function formatOption(spec: ContainerSpec, name: OptionName): string {
  const value = spec[name];
  return value === undefined ? 'by default' : typeof value === 'string' ? value : JSON.stringify(value);
}

function formatPorts({ ports }: ContainerSpec): string {
  if (ports.length === 0) return 'none';
  return ports.map(({ container, host, protocol }) => `${host ?? 'any'}:${container}/${protocol}`).join(', ');
}

function formatEntryChanges(what: string, before: readonly { name: string }[], after: readonly { name: string }[]) {
  const textOf = (entries: readonly { name: string }[]) => new Map(entries.map((e) => [e.name, JSON.stringify(e)]));
  const [old, present] = [textOf(before), textOf(after)];
  const names = [...new Set([...old.keys(), ...present.keys()])].filter((name) => old.get(name) !== present.get(name));
  const changes = names.map((name) => {
    if (!old.has(name)) return `${name} added`;
    return present.has(name) ? `${name} changed` : `${name} removed`;
  });
  return changes.length === 0 ? null : `${what} ${changes.join(', ')}`;
}
