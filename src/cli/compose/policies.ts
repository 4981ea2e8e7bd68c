/** Health, updates, restarts and placement of a compose service as those of a service here. Pure. */

import { parseConstraint } from '../../model/placement.ts';
import { defined } from '../sources/defined.ts';
import { parseBytes, parseCpus } from '../sources/option-values.ts';
import { isTree, type Tree } from './merge.ts';
import { type Note, notesOfRest } from './notes.ts';
import { toList, toNumber, toSeconds } from './values.ts';

export type Part = { members: Tree; notes: Note[] };

const tree = (value: unknown): Tree => (isTree(value) ? value : {});
const seconds = (field: string, value: unknown) => (value === undefined ? undefined : toSeconds(field, value));
const number = (field: string, value: unknown) => (value === undefined ? undefined : toNumber(field, value));

export function toHealth(path: string, healthcheck: unknown): Part {
  if (!isTree(healthcheck)) return { members: {}, notes: [] };
  const { test, interval, timeout, retries, start_period: start, disable, ...rest } = healthcheck;
  const notes = notesOfRest(`${path}.healthcheck`, rest, 'a check has no such part');
  const [kind, ...words] = toList(test).map(String);
  if (disable || kind === 'NONE') return { members: { health: 'none' }, notes };
  // Without a test it changes the times of the check that the image has.
  if (kind === undefined) {
    const why = 'the times of a check that the image has cannot be changed: test names one';
    return { members: {}, notes: [...notes, { field: `${path}.healthcheck`, why, isEssential: false }] };
  }
  const command = typeof test === 'string' ? ['sh', '-c', test] : kind === 'CMD-SHELL' ? ['sh', '-c', ...words] : words;
  const field = (name: string) => `${path}.healthcheck.${name}`;
  const times = {
    intervalSeconds: seconds(field('interval'), interval),
    timeoutSeconds: seconds(field('timeout'), timeout),
    retries: number(field('retries'), retries),
    startPeriodSeconds: seconds(field('start_period'), start),
  };
  return { members: { health: defined({ command, ...times }) }, notes };
}

/** `deploy`, and what other members say of the same. */
export function toPolicies(path: string, deploy: unknown): Part {
  const {
    mode,
    replicas,
    labels,
    update_config,
    restart_policy,
    placement,
    resources: _elsewhere,
    ...rest
  } = tree(deploy);
  const { rollback_config, ...others } = rest;
  const field = `${path}.deploy`;
  const kind = mode === undefined ? undefined : { global: 'global', 'replicated-job': 'job' }[String(mode)];
  const notes = notesOfRest(field, others, 'there is nothing like it');
  if (mode !== undefined && kind === undefined && mode !== 'replicated') {
    notes.push({
      field: `${field}.mode`,
      why: `${mode} is none of replicated, global and replicated-job`,
      isEssential: true,
    });
  }
  if (labels !== undefined) {
    notes.push({
      field: `${field}.labels`,
      why: 'a service has no labels beside those of its containers',
      isEssential: false,
    });
  }
  if (rollback_config !== undefined) {
    notes.push({ field: `${field}.rollback_config`, why: 'a rollback goes by update_config', isEssential: false });
  }
  const parts = [
    toUpdate(`${field}.update_config`, update_config),
    toRestart(`${field}.restart_policy`, restart_policy),
  ];
  const placed = toPlacement(`${field}.placement`, placement);
  const count = number(`${field}.replicas`, replicas);
  const amount = count === undefined ? {} : kind === 'job' ? { job: { completions: count } } : { replicas: count };
  return {
    members: {
      ...(kind === undefined ? {} : { mode: kind }),
      ...amount,
      ...Object.assign({}, ...parts.map(({ members }) => members)),
      ...placed.members,
    },
    notes: [...notes, ...parts.flatMap((part) => part.notes), ...placed.notes],
  };
}

function toUpdate(field: string, config: unknown): Part {
  if (!isTree(config)) return { members: {}, notes: [] };
  const { parallelism, delay, failure_action: onFailure, monitor, max_failure_ratio: ratio, order, ...rest } = config;
  const share = number(`${field}.max_failure_ratio`, ratio);
  const update = {
    parallelism: number(`${field}.parallelism`, parallelism),
    delaySeconds: seconds(`${field}.delay`, delay),
    minHealthySeconds: seconds(`${field}.monitor`, monitor),
    maxFailures: share === undefined ? undefined : `${Math.round(100 * share)}%`,
    onFailure,
    order,
  };
  return { members: { update: defined(update) }, notes: notesOfRest(field, rest, 'an update has no such part') };
}

const conditions: Readonly<Record<string, string>> = { none: 'never', 'on-failure': 'on-failure', any: 'always' };

function toRestart(field: string, policy: unknown): Part {
  if (!isTree(policy)) return { members: {}, notes: [] };
  const { condition, delay, max_attempts: attempts, window, ...rest } = policy;
  const restart = {
    condition: condition === undefined ? undefined : (conditions[String(condition)] ?? condition),
    delaySeconds: seconds(`${field}.delay`, delay),
    maxAttempts: number(`${field}.max_attempts`, attempts),
    windowSeconds: seconds(`${field}.window`, window),
  };
  return { members: { restart: defined(restart) }, notes: notesOfRest(field, rest, 'a restart has no such part') };
}

/** `restart: on-failure:3`, which `deploy.restart_policy` wins over. */
export function toRestartOf(text: unknown): Tree {
  if (text === undefined) return {};
  const [condition, attempts] = String(text).split(':');
  const known = {
    no: 'never',
    false: 'never',
    always: 'always',
    'unless-stopped': 'always',
    'on-failure': 'on-failure',
  };
  const restart = {
    condition: known[condition as keyof typeof known] ?? condition,
    maxAttempts: number('restart', attempts),
  };
  return { restart: defined(restart) };
}

function toPlacement(field: string, placement: unknown): Part {
  if (!isTree(placement)) return { members: {}, notes: [] };
  const { constraints, preferences, max_replicas_per_node: most, ...rest } = placement;
  const spreads = toList(preferences).map((preference) => tree(preference).spread);
  const notes = notesOfRest(field, rest, 'placement has no such part');
  if (spreads.length > 1) {
    notes.push({
      field: `${field}.preferences`,
      why: 'containers are spread over the values of one label',
      isEssential: false,
    });
  }
  const wanted = toList(constraints).map(String);
  for (const [index, constraint] of wanted.entries()) {
    if (parseConstraint(constraint) !== null) continue;
    const why = `${constraint} is none of node.id, node.hostname, node.labels.NAME, engine.id, engine.kind and engine.version with == or !=`;
    notes.push({ field: `${field}.constraints[${index}]`, why, isEssential: true });
  }
  const members = {
    constraints: constraints === undefined ? undefined : wanted.filter((text) => parseConstraint(text) !== null),
    spread: spreads[0],
    maxPerNode: number(`${field}.max_replicas_per_node`, most),
  };
  return { members: { placement: defined(members) }, notes };
}

/** `deploy.resources`, and the older members that say the same. */
export function toResources(path: string, deploy: unknown, older: Tree): Part & { pids: number | undefined } {
  const { limits, reservations, ...rest } = tree(tree(deploy).resources);
  const { cpus, memory, pids, ...others } = tree(limits);
  const { cpus: cpusReserved, memory: memoryReserved, ...devices } = tree(reservations);
  const field = `${path}.deploy.resources`;
  const amounts = (name: string, most: unknown, memory: unknown) =>
    defined({
      cpus: most === undefined ? undefined : parseCpus(`${name}.cpus`, String(most)),
      memoryBytes: memory === undefined ? undefined : parseBytes(`${name}.memory`, String(memory)),
    });
  const reserve = amounts(`${field}.reservations`, cpusReserved, memoryReserved ?? older.mem_reservation);
  const resources = {
    ...amounts(`${field}.limits`, cpus ?? older.cpus, memory ?? older.mem_limit),
    ...(Object.keys(reserve).length === 0 ? {} : { reserve }),
  };
  return {
    members: Object.keys(resources).length === 0 ? {} : { resources },
    pids: number(`${field}.limits.pids`, pids ?? older.pids_limit),
    notes: [
      ...notesOfRest(field, rest, 'resources have no such part'),
      ...notesOfRest(`${field}.limits`, others, 'a limit has no such part'),
      ...Object.keys(devices).map((name) => ({
        ...{ field: `${field}.reservations.${name}`, why: 'devices are not reserved', isEssential: true },
      })),
    ],
  };
}
