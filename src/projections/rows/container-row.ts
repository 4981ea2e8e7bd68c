/** The row of a container as operators see it. Pure. */

import { isTerminal } from '../../model/container-machine.ts';
import type { ClusterView, ContainerView } from '../view/cluster-view.ts';
import { unreachableSince } from './node-row.ts';

export type ContainerRow = {
  container: string;
  service: string;
  slot: number;
  node: string;
  state: ContainerView['state'];
  /** Why it failed or was asked to stop. */
  reason: ContainerView['reason'];
  /** In words, where there are any. */
  message: string | null;
  exitCode: number | null;
  /** null: it does not run, or has no check. */
  health: ContainerView['health'] | null;
  image: string;
  /** Of what it runs; null before it runs, and where its image has none. */
  imageDigest: string | null;
  generation: number;
  /** Time of the last transition. */
  since: string;
  replaces: string | null;
  /** Host ports as the engine published them. */
  ports: ContainerView['ports'];
  /** The last fact that changed the row. */
  position: number;
};

/** How far the pull of its image is; from telemetry, so no part of the row that is stored and compared. */
export type PullProgress = { currentBytes: number; totalBytes: number };

export function containerRow(container: ContainerView): ContainerRow {
  return {
    container: container.id,
    service: container.service,
    slot: container.slot,
    node: container.node,
    state: container.state,
    reason: container.reason,
    message: container.message,
    exitCode: container.exitCode,
    health: container.state === 'running' && container.isChecked ? container.health : null,
    image: container.spec.image,
    imageDigest: container.imageDigest,
    generation: container.generation,
    since: container.since,
    replaces: container.replaces,
    ports: container.ports,
    position: container.latest.position,
  };
}

/** With what is known of its node, and of a pull. */
export type ShownContainerRow = ContainerRow & {
  /** Since when its node, or the engine there, is silent: its state is the last that was heard. null: it is known. */
  unknownSince: string | null;
  pull: PullProgress | null;
};

export function shownContainerRow(view: ClusterView, container: ContainerView): ShownContainerRow {
  const node = isTerminal(container.state) ? undefined : view.nodes.get(container.node);
  return {
    ...containerRow(container),
    unknownSince: node ? unreachableSince(node) : null,
    pull: view.pulls.get(container.id) ?? null,
  };
}
