/**
 * Finds the containers of one cluster and node on Docker, and remembers what Docker reported last of each. Later calls
 * name a container by the id remembered here, so that a foreign container is never touched. Changes none.
 */

import type Docker from 'dockerode';
import type { Health } from '../../model/health.ts';
import { dockerContainerName } from '../../model/naming.ts';
import type { EngineContainer, EngineScope, RunRequest } from '../engine/engine.ts';
import { asUnavailable, callDocker, hasStatus, queryDeadlineMs } from './docker-call.ts';
import { isOfScope, readIdentity, readInspection, readListedHealth, readState, scopeLabels } from './docker-spec.ts';

export type DockerContainers = {
  /** Ordered by container id. */
  list(): Promise<EngineContainer[]>;
  inspect(container: string): Promise<EngineContainer | null>;
  /** By the name that we give a container, whatever is remembered. */
  inspectByName(container: string): Promise<EngineContainer | null>;
  /** What it was created with; empty when Docker has no such container of ours. */
  environmentOf(container: string): Promise<{ name: string; value: string }[]>;
  /** Where it is reached from this machine; null: it has no address, or Docker does not have it. */
  addressOf(container: string): Promise<string | null>;
  /** For a call of the client; null: Docker has no such container of ours. */
  handleOf(container: string): Promise<Docker.Container | null>;
  lastKnown(container: string): EngineContainer | undefined;
  remember(found: EngineContainer): void;
  /** It was created and not started: a start of it needs no inspection. */
  rememberCreated(created: EngineContainer, request: RunRequest): void;
  /** What it was created from, once; undefined when that was not here, or before a start. */
  takeRequest(container: string): RunRequest | undefined;
  forget(container: string): void;
};

type ListedRow = { container: string; id: string; state: EngineContainer['state']; health: Health | null };

/** Inspections at once while listing. */
const inspectionsMax = 8;

export function createDockerContainers(docker: Docker, scope: EngineScope): DockerContainers {
  const known = new Map<string, EngineContainer>();
  const requests = new Map<string, RunRequest>();

  const forget = (container: string) => {
    known.delete(container);
    requests.delete(container);
  };

  const inspectRaw = async (address: string): Promise<Docker.ContainerInspectInfo | null> => {
    try {
      const inspection = await callDocker('inspect', queryDeadlineMs, (abortSignal) =>
        docker.getContainer(address).inspect({ abortSignal }),
      );
      return isOfScope(inspection.Config.Labels, scope) ? inspection : null;
    } catch (error) {
      if (hasStatus(error, 404)) return null;
      throw asUnavailable('inspect', error);
    }
  };
  const inspectAt = async (address: string): Promise<EngineContainer | null> => {
    const inspection = await inspectRaw(address);
    return inspection && readInspection(inspection);
  };

  const nameOf = (container: string) =>
    known.get(container)?.engineContainerId ?? dockerContainerName(scope.clusterId, container);

  const inspect = async (container: string): Promise<EngineContainer | null> => {
    const found = await inspectAt(nameOf(container));
    if (found) known.set(container, found);
    else forget(container);
    return found;
  };

  /** Running containers of ours do not change until they end, but for their health: Docker is asked about the others and the new ones. */
  const refresh = async ({ container, id, state, health }: ListedRow): Promise<EngineContainer | null> => {
    const last = known.get(container);
    const isRunning = last?.engineContainerId === id && state === 'running' && last.state === 'running';
    return isRunning && health === (last.health?.status ?? null) ? last : inspectAt(id);
  };

  return {
    environmentOf: async (container) => readEnvironment(await inspectRaw(nameOf(container))),
    async list() {
      const rows = await listRows(docker, scope);
      const found: (EngineContainer | null)[] = [];
      for (let start = 0; start < rows.length; start += inspectionsMax) {
        found.push(...(await Promise.all(rows.slice(start, start + inspectionsMax).map(refresh))));
      }
      const present = found.filter((item) => item !== null);
      const names = new Set(present.map(({ container }) => container));
      // One that was created since Docker was asked stays known.
      for (const container of known.keys()) if (!names.has(container) && !requests.has(container)) forget(container);
      for (const item of present) known.set(item.container, item);
      return present.sort((a, b) => (a.container < b.container ? -1 : 1));
    },
    addressOf: async (container) => readAddress(await inspectRaw(nameOf(container))),
    inspect,
    inspectByName: (container) => inspectAt(dockerContainerName(scope.clusterId, container)),
    async handleOf(container) {
      const id = known.get(container)?.engineContainerId ?? (await inspect(container))?.engineContainerId;
      return id === undefined ? null : docker.getContainer(id);
    },
    lastKnown: (container) => known.get(container),
    remember: (found) => void known.set(found.container, found),
    rememberCreated(created, request) {
      known.set(created.container, created);
      requests.set(created.container, request);
    },
    takeRequest(container) {
      const request = requests.get(container);
      requests.delete(container);
      return request;
    },
    forget,
  };
}

const readEnvironment = (inspection: Docker.ContainerInspectInfo | null) =>
  (inspection?.Config.Env ?? []).map(splitVariable);

function readAddress(inspection: Docker.ContainerInspectInfo | null): string | null {
  const networks = Object.values(inspection?.NetworkSettings.Networks ?? {});
  return networks.map(({ IPAddress }) => IPAddress).find((address) => address !== '') ?? null;
}

async function listRows(docker: Docker, scope: EngineScope): Promise<ListedRow[]> {
  const rows = await callDocker('list', queryDeadlineMs, (abortSignal) =>
    docker.listContainers({ all: true, filters: { label: scopeLabels(scope) }, abortSignal }),
  ).catch((error: unknown) => {
    throw asUnavailable('list', error);
  });
  return rows.flatMap((row) => {
    const container = isOfScope(row.Labels, scope) ? readIdentity(row.Labels)?.container : undefined;
    const state = readState(row.State);
    return container && state ? [{ container, id: row.Id, state, health: readListedHealth(row.Status) }] : [];
  });
}

function splitVariable(text: string): { name: string; value: string } {
  const end = text.indexOf('=');
  return end < 0 ? { name: text, value: '' } : { name: text.slice(0, end), value: text.slice(end + 1) };
}
