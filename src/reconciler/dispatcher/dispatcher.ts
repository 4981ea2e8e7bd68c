/**
 * Owns sending nodes what the log wants of them. The log is the outbox: commands follow from folded facts, and whenever
 * one could not be delivered the node gets its whole wanted set instead. Keeps no checkpoint.
 */

import type { ManagerBus } from '../../bus/bus.ts';
import type { Command, WantedCommand } from '../../bus/messages.ts';
import { hasCode } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { NodeView } from '../../projections/view/cluster-view.ts';
import { createOversizeAlarm } from './oversize-alarm.ts';

export type Dispatcher = {
  /** Every node gets its wanted set as of now; facts folded later become commands. */
  lead(term: number): void;
  unlead(): void;
  close(): void;
};

/** What waits for one node. Past `outboxMax` commands the whole wanted set is shorter. */
type Outbox = {
  commands: Command[];
  /** The wanted set goes first; it answers this registration, or none. */
  wanted: { registrationId: string | null } | null;
  isSending: boolean;
  /** Until a set that was too large is tried again. */
  retry?: NodeJS.Timeout;
};

const outboxMax = 1_000;
const retryMs = 1_000;
/** A set no message holds costs a tenth of a second to write, and gets smaller only as containers end. */
const tooLargeRetryMs = 30_000;

type Deps = { log: Pick<EventLog, 'append'>; bus: ManagerBus; projector: Projector; logger: Logger };

export type DispatcherOptions = {
  clusterId: string;
  /** When a set that was too large is tried again. */
  tooLargeRetryMs?: number;
};

export function createDispatcher({ log, bus, projector, logger }: Deps, options: DispatcherOptions): Dispatcher {
  const { clusterId } = options;
  const { view } = projector;
  const outboxes = new Map<string, Outbox>();
  let term: number | null = null;
  const isLeading = () => term !== null;
  const alarm = createOversizeAlarm({ log, view, logger }, { term: () => term });

  const outboxOf = (node: string): Outbox => {
    const outbox = outboxes.get(node) ?? { commands: [], wanted: null, isSending: false };
    outboxes.set(node, outbox);
    return outbox;
  };

  const wantAll = (node: string, registrationId: string | null) => {
    const outbox = outboxOf(node);
    clearTimeout(outbox.retry);
    outbox.commands = [];
    outbox.wanted = { registrationId: registrationId ?? outbox.wanted?.registrationId ?? null };
    void send(node, outbox);
  };

  const enqueue = (command: Exclude<Command, { kind: 'resync' }>) => {
    const outbox = outboxOf(command.node);
    if (outbox.commands.length >= outboxMax) return wantAll(command.node, null);
    outbox.commands.push(command);
    void send(command.node, outbox);
  };

  const wantedSet = (node: NodeView, registrationId: string | null): WantedCommand => {
    const specs = new Map<string, ContainerSpec>();
    const containers = [...node.containers].flatMap((id) => {
      const container = view.containers.get(id);
      if (!container) return [];
      const { service, slot, generation, specHash, state, spec, latest } = container;
      specs.set(specHash, spec);
      return { container: id, service, slot, generation, specHash, state, causationId: latest.eventId };
    });
    return {
      kind: 'wanted',
      clusterId,
      node: node.id,
      session: node.session,
      position: view.position,
      causationId: node.latest.eventId,
      registrationId,
      containers,
      specs: Array.from(specs, ([specHash, spec]) => ({ specHash, spec })),
    };
  };

  const next = (node: string, outbox: Outbox): Command | undefined => {
    const { wanted } = outbox;
    if (!wanted) return outbox.commands.shift();
    outbox.wanted = null;
    const nodeView = view.nodes.get(node);
    return nodeView ? wantedSet(nodeView, wanted.registrationId) : outbox.commands.shift();
  };

  const send = async (node: string, outbox: Outbox) => {
    if (outbox.isSending) return;
    outbox.isSending = true;
    try {
      for (let command = next(node, outbox); command && isLeading(); command = next(node, outbox)) {
        try {
          await bus.sendCommand(command);
          if (command.kind === 'wanted') alarm.clear(node);
        } catch (error) {
          if (hasCode(error, 'message_too_large') && command.kind === 'wanted') {
            // It would be as large again: the node has to do with the commands that follow.
            alarm.raise(command, error);
            wantAllLater(node, outbox, command.registrationId);
            continue;
          }
          logger.warn({ err: error, node, kind: command.kind }, 'command not delivered; the wanted set follows');
          const registrationId = command.kind === 'wanted' ? command.registrationId : null;
          outbox.commands = [];
          outbox.wanted ??= { registrationId };
          break;
        }
      }
    } finally {
      outbox.isSending = false;
    }
    if (isLeading() && (outbox.wanted || outbox.commands.length > 0)) retryLater(node, outbox);
  };

  const retryLater = (node: string, outbox: Outbox) => {
    setTimeout(() => {
      if (isLeading() && outboxes.get(node) === outbox) void send(node, outbox);
    }, retryMs).unref();
  };

  const wantAllLater = (node: string, outbox: Outbox, registrationId: string | null) => {
    const retry = () => {
      if (isLeading() && outboxes.get(node) === outbox) wantAll(node, registrationId);
    };
    outbox.retry = setTimeout(retry, options.tooLargeRetryMs ?? tooLargeRetryMs).unref();
  };

  const dispatch = (event: LogEvent) => {
    switch (event.type) {
      case 'NodeRegistered':
      case 'NodeReturned':
        return wantAll(event.data.node, event.data.registrationId);
      case 'NodeLost':
      case 'NodeRemoved':
        alarm.clear(event.data.node);
        return outboxes.delete(event.data.node);
      case 'ContainerQueued': {
        const container = view.containers.get(event.data.container);
        if (!container) return;
        const { container: id, node, session, service, slot, generation, specHash } = event.data;
        const run = { container: id, service, slot, generation, specHash, spec: container.spec };
        return enqueue({ kind: 'start', clusterId, node, session, ...factOf(event), ...run });
      }
      case 'ContainerStopRequested': {
        const { container, node, stopTimeoutSeconds } = event.data;
        const session = view.nodes.get(node)?.session;
        if (session === undefined) return;
        return enqueue({ kind: 'stop', clusterId, node, session, ...factOf(event), container, stopTimeoutSeconds });
      }
    }
  };

  const unsubscribe = projector.onFolded((events) => {
    if (isLeading()) for (const event of events) dispatch(event);
  });

  return {
    lead(newTerm) {
      term = newTerm;
      alarm.clearOfAbsent();
      for (const node of view.nodes.values()) if (node.state === 'ready') wantAll(node.id, null);
    },
    unlead() {
      term = null;
      outboxes.clear();
    },
    close() {
      term = null;
      unsubscribe();
    },
  };
}

const factOf = (event: LogEvent) => ({ position: event.position, causationId: event.meta.eventId });
