/**
 * Sends nodes what the log wants of them: each folded fact that concerns one becomes a command. Keeps no checkpoint, for
 * a new leader sends every node its whole wanted set.
 */

import type { ManagerBus } from '../../bus/bus.ts';
import type { RestartRule, WantedCommand } from '../../bus/messages.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import { onDisconnectDefault, restartPolicyDefault } from '../../model/policy.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { ClusterView, ContainerView, NodeView } from '../../projections/view/cluster-view.ts';
import type { Vault } from '../../secrets/vault.ts';
import { createLoginSealer } from './login-sealer.ts';
import { createOutboxes } from './outboxes.ts';
import { createOversizeAlarm } from './oversize-alarm.ts';

export type Dispatcher = {
  /** Every node gets its wanted set as of now; facts folded later become commands. */
  lead(term: number): void;
  stopLeading(): void;
  close(): void;
};

/** A set no message holds costs a tenth of a second to write, and gets smaller only as containers end. */
const tooLargeRetryDefaultMs = 30_000;

type Deps = {
  log: Pick<EventLog, 'append'>;
  bus: ManagerBus;
  projector: Projector;
  /** null: logins at registries stay here. */
  vault: Pick<Vault, 'get'> | null;
  logger: Logger;
};

export type DispatcherOptions = {
  clusterId: string;
  nodeTimeoutMs: number;
  /** When a set that was too large is tried again. */
  tooLargeRetryMs?: number;
};

export function createDispatcher({ log, bus, projector, vault, logger }: Deps, options: DispatcherOptions): Dispatcher {
  const { clusterId, nodeTimeoutMs } = options;
  const { view } = projector;
  let term: number | null = null;
  const alarm = createOversizeAlarm({ log, view, logger }, { term: () => term });
  const logins = createLoginSealer({ log, view, vault, logger }, { term: () => term });
  const outboxes = createOutboxes(
    { bus, logger },
    {
      complete: logins.complete,
      wantedSetOf(id) {
        const node = view.nodes.get(id);
        return node ? wantedSet({ clusterId, nodeTimeoutMs }, view, node) : null;
      },
      onWantedSent: alarm.clear,
      onTooLarge: alarm.raise,
      tooLargeRetryMs: options.tooLargeRetryMs ?? tooLargeRetryDefaultMs,
    },
  );

  const dispatch = (event: LogEvent) => {
    switch (event.type) {
      case 'NodeRegistered':
      case 'NodeReturned':
        return outboxes.sendWanted(event.data.node);
      case 'NodeLost':
      case 'NodeRemoved':
        alarm.clear(event.data.node);
        return outboxes.drop(event.data.node);
      case 'ContainerQueued': {
        const container = view.containers.get(event.data.container);
        if (!container) return;
        const { container: id, node, session, service, slot, generation, specHash } = event.data;
        const digest = digestMember(view, { ...container, specHash });
        const run = { container: id, service, slot, generation, specHash, spec: container.spec, ...digest };
        const restart = restartMembers(view, container);
        return outboxes.enqueue({ kind: 'start', clusterId, node, session, ...factOf(event), ...run, ...restart });
      }
      case 'ContainerStopRequested': {
        const { container, node, stopTimeoutSeconds } = event.data;
        const session = view.nodes.get(node)?.session;
        if (session === undefined) return;
        return outboxes.enqueue({
          kind: 'stop',
          clusterId,
          node,
          session,
          ...factOf(event),
          container,
          stopTimeoutSeconds,
        });
      }
      case 'RegistryLoginRemoved':
        return logins.clearOfRemoved();
    }
  };

  const unsubscribe = projector.onFolded((events) => {
    if (term !== null) for (const event of events) dispatch(event);
  });

  const stop = () => {
    term = null;
    outboxes.dropAll();
  };

  return {
    lead(newTerm) {
      term = newTerm;
      alarm.clearOfAbsent();
      logins.clearOfRemoved();
      for (const node of view.nodes.values()) if (node.state === 'ready') outboxes.sendWanted(node.id);
    },
    stopLeading: stop,
    close() {
      stop();
      unsubscribe();
    },
  };
}

function wantedSet(
  { clusterId, nodeTimeoutMs }: Pick<DispatcherOptions, 'clusterId' | 'nodeTimeoutMs'>,
  view: ClusterView,
  node: NodeView,
): WantedCommand {
  const specs = new Map<string, ContainerSpec>();
  const restarts = new Map<string, { service: string } & RestartRule>();
  const containers = [...node.containers].flatMap((id) => {
    const container = view.containers.get(id);
    if (!container) return [];
    const { service, slot, generation, specHash, state, spec, latest } = container;
    specs.set(specHash, spec);
    const rule = restartRule(view, container);
    if (rule) restarts.set(service, { service, ...rule });
    const run = { container: id, service, slot, generation, specHash, ...digestMember(view, container) };
    return { ...run, ...failuresMember(view, container), state, causationId: latest.eventId };
  });
  return {
    kind: 'wanted',
    clusterId,
    node: node.id,
    session: node.session,
    position: view.position,
    causationId: node.latest.eventId,
    registrationId: node.registrationId,
    containers,
    specs: Array.from(specs, ([specHash, spec]) => ({ specHash, spec })),
    ...(isUpToDate(view, node.id) ? { restarts: [...restarts.values()], nodeTimeoutMs } : {}),
  };
}

function digestMember(
  view: ClusterView,
  { service, specHash, node }: Pick<ContainerView, 'service' | 'specHash' | 'node'>,
) {
  const image = view.services.get(service)?.images.get(specHash);
  if (!image || !isUpToDate(view, node) || (image.isResolved && image.digest === null)) return {};
  return { digest: image.digest };
}

/** An agent without a key is of an earlier version: it takes no digests and restarts nothing. */
const isUpToDate = (view: ClusterView, node: string) => (view.nodes.get(node)?.publicKey ?? null) !== null;

type OfContainer = Pick<ContainerView, 'service' | 'slot' | 'specHash' | 'node'>;

/** null: how often it is tried again, if at all, is the managers' to count. */
function restartRule(view: ClusterView, { service: name, node }: OfContainer): RestartRule | null {
  const service = view.services.get(name);
  if (!service || service.job || !isUpToDate(view, node)) return null;
  const { restart: policy = restartPolicyDefault, onDisconnect = onDisconnectDefault } = service.policy;
  return policy.condition === 'never' ? null : { policy, onDisconnect };
}

function failuresMember(view: ClusterView, { service, slot: number, specHash, node }: OfContainer) {
  const slot = view.services.get(service)?.slots.get(number);
  if (!slot || slot.failures === 0 || slot.failedSpec !== specHash || !isUpToDate(view, node)) return {};
  return { failures: slot.failures };
}

function restartMembers(view: ClusterView, container: OfContainer) {
  const restart = restartRule(view, container);
  return restart ? { restart, ...failuresMember(view, container) } : {};
}

const factOf = (event: LogEvent) => ({ position: event.position, causationId: event.meta.eventId });
