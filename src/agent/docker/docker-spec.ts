/**
 * Maps between our terms and Docker's: a spec to create options, labels and states back. Pure. What is neither written
 * here nor in docker-options.ts no container gets: no privileges, no network of the host.
 */

import { Value } from '@sinclair/typebox/value';
import type Docker from 'dockerode';
import type { Health, HealthCheck } from '../../model/health.ts';
import { ContainerId, ServiceName } from '../../model/ids.ts';
import { digestOf, ImageDigest } from '../../model/image.ts';
import { dockerContainerName, labels, selfEnvironment } from '../../model/naming.ts';
import { SpecHash } from '../../model/service.ts';
import type { EngineContainer, EngineHealth, EngineScope, PublishedPort, RunRequest } from '../engine/engine.ts';
import { boundOutput } from '../engine/report-text.ts';
import { toHostOptions, toToplevelOptions } from './docker-options.ts';

const nanosPerMilli = 1_000_000;

/** The parts of the request: the name goes into the URL, nothing else does, so no value of `env` is ever in one. */
export function toCreateOptions(request: RunRequest, scope: EngineScope) {
  return {
    _query: { name: dockerContainerName(scope.clusterId, request.container) },
    _body: toCreateBody(request, scope),
  };
}

export function toCreateBody(request: RunRequest, scope: EngineScope): Docker.ContainerCreateOptions {
  const { spec } = request;
  const { memoryBytes, cpuMillis } = spec.resources;
  return {
    Image: request.image,
    ...(spec.command ? { Entrypoint: spec.command } : {}),
    ...(spec.args ? { Cmd: spec.args } : {}),
    Env: environmentOf(request, scope),
    Labels: { ...Object.fromEntries(spec.labels.map(({ name, value }) => [name, value])), ...labelsOf(request, scope) },
    ExposedPorts: Object.fromEntries(spec.ports.map(({ container, protocol }) => [`${container}/${protocol}`, {}])),
    StopTimeout: spec.stopTimeoutSeconds,
    ...toToplevelOptions(spec),
    ...(spec.health ? { Healthcheck: toHealthcheck(spec.health) } : {}),
    HostConfig: {
      // Without a swap of its own a container over its limit is ended by the kernel, at once and visibly.
      ...(memoryBytes === null ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(cpuMillis === null ? {} : { NanoCpus: cpuMillis * nanosPerMilli }),
      ...toHostOptions(spec),
      NetworkMode: 'bridge',
      PortBindings: portBindingsOf(request),
      // A container is one run: whether another follows is the log's decision.
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      AutoRemove: false,
      Privileged: false,
      SecurityOpt: ['no-new-privileges:true'],
    },
  };
}

const nanosPerSecond = 1_000_000_000;

/** Docker runs commands; what the agent asks itself Docker must not ask as well. */
function toHealthcheck(check: HealthCheck): Docker.HealthConfig {
  if (check.kind !== 'command') return { Test: ['NONE'] };
  return {
    Test: ['CMD', ...check.command],
    Interval: check.intervalSeconds * nanosPerSecond,
    Timeout: check.timeoutSeconds * nanosPerSecond,
    Retries: check.retries,
    StartPeriod: check.startPeriodSeconds * nanosPerSecond,
  };
}

function labelsOf(request: RunRequest, scope: EngineScope): Record<string, string> {
  return {
    [labels.cluster]: scope.clusterName,
    [labels.clusterId]: scope.clusterId,
    [labels.node]: scope.node,
    [labels.service]: request.service,
    [labels.slot]: String(request.slot),
    [labels.container]: request.container,
    [labels.generation]: String(request.generation),
    [labels.specHash]: request.specHash,
    ...(request.replaces === undefined ? {} : { [labels.replaces]: request.replaces }),
  };
}

/** The spec's own variable wins over ours of the same name. */
function environmentOf({ service, slot, container, env }: RunRequest, { node }: EngineScope): string[] {
  const values = new Map([
    [selfEnvironment.service, service],
    [selfEnvironment.slot, String(slot)],
    [selfEnvironment.node, node],
    [selfEnvironment.container, container],
    ...env.map(({ name, value }) => [name, value] as const),
  ] as const);
  return [...values].map(([name, value]) => `${name}=${value}`);
}

function portBindingsOf({ spec }: RunRequest): Record<string, { HostPort: string }[]> {
  const bindings: Record<string, { HostPort: string }[]> = {};
  for (const { container, host, protocol } of spec.ports) {
    const key = `${container}/${protocol}`;
    bindings[key] = [...(bindings[key] ?? []), { HostPort: host === null ? '' : String(host) }];
  }
  return bindings;
}

export const isOfScope = (found: Record<string, string> | null | undefined, scope: EngineScope) =>
  found?.[labels.clusterId] === scope.clusterId && found?.[labels.node] === scope.node;

/** Filter for list and events; Docker wants every one of them to match. */
export const scopeLabels = (scope: EngineScope) => [
  `${labels.clusterId}=${scope.clusterId}`,
  `${labels.node}=${scope.node}`,
];

type Identity = Pick<EngineContainer, 'container' | 'service' | 'slot' | 'generation' | 'specHash' | 'replaces'>;

/** null: not written by us, whatever its labels say. */
export function readIdentity(found: Record<string, string>): Identity | null {
  const text = (label: string) => found[label] ?? '';
  const [slot, generation] = [Number(text(labels.slot)), Number(text(labels.generation))];
  const [container, service, specHash] = [text(labels.container), text(labels.service), text(labels.specHash)];
  const isOurs =
    Value.Check(ContainerId, container) && Value.Check(ServiceName, service) && Value.Check(SpecHash, specHash);
  const isNumbered = Number.isInteger(slot) && slot >= 1 && Number.isInteger(generation) && generation >= 1;
  if (!isOurs || !isNumbered) return null;
  const replaces = found[labels.replaces] ?? null;
  if (replaces !== null && !Value.Check(ContainerId, replaces)) return null;
  return { container, service, slot, generation, specHash, replaces };
}

/** null: on its way out. */
export function readState(status: string): EngineContainer['state'] | null {
  if (status === 'removing') return null;
  if (status === 'created') return 'created';
  return status === 'exited' || status === 'dead' ? 'exited' : 'running';
}

export function readInspection(inspection: Docker.ContainerInspectInfo): EngineContainer | null {
  const { State, Config, NetworkSettings } = inspection;
  const identity = readIdentity(Config.Labels);
  const state = readState(State.Status);
  if (!identity || !state) return null;
  return {
    ...identity,
    engineContainerId: inspection.Id,
    state,
    exitCode: state === 'exited' ? State.ExitCode : null,
    oomKilled: State.OOMKilled,
    startedAt: readTime(State.StartedAt),
    error: State.Error ?? '',
    ports: readPorts(NetworkSettings.Ports ?? {}),
    isPaused: State.Paused,
    imageDigest: readDigest(Config.Image),
    health: state === 'running' ? readHealth(State.Health) : null,
  };
}

/** As it was named at its creation. */
function readDigest(image: string): string | null {
  const digest = digestOf(image);
  return digest !== null && Value.Check(ImageDigest, digest) ? digest : null;
}

/** As in the status of a listed container, and of its inspection. */
const healthOf: Readonly<Record<string, Health>> = { starting: 'unproven', healthy: 'healthy', unhealthy: 'unhealthy' };

/** null: it has no check. */
function readHealth(found: Docker.ContainerInspectInfo['State']['Health']): EngineHealth | null {
  const status = healthOf[found?.Status ?? ''];
  if (!found || !status) return null;
  return { status, output: boundOutput(found.Log?.at(-1)?.Output ?? '') };
}

/** From the status of a listed container, as `Up 5 seconds (healthy)`; null: it has no check. */
export function readListedHealth(status: string): Health | null {
  const [, word] = /\((?:health: )?(starting|healthy|unhealthy)\)$/.exec(status) ?? [];
  return word === undefined ? null : (healthOf[word] ?? null);
}

/** Docker's zero time means never. */
const readTime = (time: string) => (time.startsWith('0001-') ? null : new Date(time).toISOString());

/** IPv4 and IPv6 bindings of one port are one published port. */
function readPorts(found: Record<string, { HostPort: string }[] | null>): PublishedPort[] {
  const ports = new Map<string, PublishedPort>();
  for (const [key, bindings] of Object.entries(found)) {
    const [container, protocol] = key.split('/');
    for (const { HostPort } of bindings ?? []) {
      const port: PublishedPort = {
        container: Number(container),
        host: Number(HostPort),
        protocol: protocol === 'udp' ? 'udp' : 'tcp',
      };
      if (port.host > 0) ports.set(`${key} ${HostPort}`, port);
    }
  }
  return sortPorts([...ports.values()]);
}

function sortPorts(ports: PublishedPort[]): PublishedPort[] {
  return ports.sort((a, b) => a.container - b.container || a.protocol.localeCompare(b.protocol) || a.host - b.host);
}

/** What Docker publishes, when the spec leaves it no choice; null: only Docker knows. */
export function knownPorts({ spec }: RunRequest): PublishedPort[] | null {
  const ports = spec.ports.flatMap(({ container, host, protocol }) =>
    host === null ? [] : [{ container, host, protocol }],
  );
  return ports.length === spec.ports.length ? sortPorts(ports) : null;
}
