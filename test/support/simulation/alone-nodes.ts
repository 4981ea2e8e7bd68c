/** The nodes' part while no manager can reach them, in a few lines: what ends is restarted, and the chain is one report. */

import { restartsAloneMax } from '../../../src/bus/container-reports.ts';
import { restartedId } from '../../../src/model/ids.ts';
import type { ClusterView } from '../../../src/projections/view/cluster-view.ts';
import type { SimulatedChain, SimulatedNode } from './simulated-node.ts';

type Send = (node: SimulatedNode, body: Record<string, unknown>) => void;

export type AloneNodes = {
  /** A run ended by itself: it is restarted, held back or reported. */
  ended(node: SimulatedNode, container: string, body: Record<string, unknown>): void;
  /** It runs. @returns false: the log has it, so it is reported as any other */
  runs(node: SimulatedNode, container: string): boolean;
  /** The log has it. @returns false: it had it before */
  claim(node: SimulatedNode, container: string): boolean;
  /** What was started in its place ends, and then its own end is reported. @returns false: nothing was */
  abandon(node: SimulatedNode, container: string): boolean;
  /** After a registration, under the new session. */
  repeat(node: SimulatedNode, container: string): boolean;
  isHeldFor(node: SimulatedNode, container: string, isWanted: (container: string) => boolean): boolean;
  forget(node: SimulatedNode, container: string): void;
};

type Deps = {
  view: ClusterView;
  report: Send;
  running: (session: number | null, container: string) => Record<string, unknown>;
  /** No manager can act for the node now, and none has. */
  isAlone: (node: SimulatedNode, service: string) => boolean;
  begin: (
    node: SimulatedNode,
    run: NonNullable<ReturnType<SimulatedNode['running']['get']>> & { container: string },
  ) => void;
};

export function createAloneNodes(deps: Deps): AloneNodes {
  const { view, report, isAlone, begin } = deps;

  const isRestarted = (service: string, { kind, reason }: Record<string, unknown>) =>
    view.services.get(service)?.job === null && (kind === 'completed' || reason === 'exited');

  const reportChain = (node: SimulatedNode, chain: SimulatedChain) => {
    const runs = reportable(chain, deps.running(null, chain[0]!.container));
    if (runs) report(node, { kind: 'restarted', session: node.session, container: runs[0]!.container, runs });
  };

  const forget = (node: SimulatedNode, container: string) => {
    for (const link of node.chains.get(container) ?? []) node.chains.delete(link.container);
  };

  return {
    ended(node, container, body) {
      const run = node.running.get(container);
      node.running.delete(container);
      if (!run) return;
      const chain = node.chains.get(container) ?? [{ container, hasRun: true, end: null }];
      chain.find((link) => link.container === container)!.end = body;
      const mayRestart = chain.length <= restartsAloneMax && node.session !== null && isRestarted(run.service, body);
      if (mayRestart && isAlone(node, run.service)) {
        const next = restartedId(container);
        chain.push({ container: next, hasRun: false, end: null });
        for (const link of chain) node.chains.set(link.container, chain);
        return begin(node, { ...run, container: next });
      }
      if (chain[0]!.container === container) report(node, body);
      else reportChain(node, chain);
    },
    runs(node, container) {
      const chain = node.chains.get(container);
      if (!chain || chain[0]!.container === container) return false;
      chain.find((link) => link.container === container)!.hasRun = true;
      reportChain(node, chain);
      return true;
    },
    claim(node, container) {
      const chain = node.chains.get(container);
      const index = chain?.findIndex((link) => link.container === container) ?? 0;
      if (!chain || index < 1) return false;
      for (const link of chain.splice(0, index)) node.chains.delete(link.container);
      if (chain.length > 1) return true;
      node.chains.delete(container);
      const { end, hasRun } = chain[0]!;
      if (end) report(node, { ...end, session: node.session });
      else if (hasRun) report(node, deps.running(node.session, container));
      return true;
    },
    abandon(node, container) {
      const chain = node.chains.get(container);
      if (!chain) return false;
      forget(node, container);
      for (const link of chain.slice(1)) node.running.delete(link.container);
      const { end } = chain[0]!;
      if (end) report(node, { ...end, session: node.session });
      return true;
    },
    repeat(node, container) {
      const chain = node.chains.get(container);
      if (chain) reportChain(node, chain);
      return chain !== undefined;
    },
    isHeldFor(node, container, isWanted) {
      const [first] = node.chains.get(container) ?? [];
      return first !== undefined && first.container !== container && isWanted(first.container);
    },
    forget,
  };
}

/** null: nothing was started yet that could be taken. */
function reportable(chain: SimulatedChain, example: Record<string, unknown>) {
  const reached = chain.filter(({ hasRun, end }) => hasRun || end !== null);
  if (reached.length < 2) return null;
  const { kind: _, session: __, container: ___, ...running } = example;
  return reached.map(({ container, hasRun, end }, index) => {
    const { session: ____, container: _____, ...ending } = end ?? {};
    return {
      container,
      running: index > 0 && hasRun ? running : null,
      end: index === reached.length - 1 || end === null ? null : ending,
    };
  });
}

/**
 * Of what the log wants in one place never two run, but on nodes that count as lost or may. What runs really on a node that is in
 * contact, or was within the time-out, is in the log, or in place of one that is. Only what was just refused may still end, and
 * never beside what the log has put in its slot.
 * @param orphans since when something ran that the log does not want; kept between calls
 */
export function explainDoubleRun(
  { view, nodes, nowMs }: { view: ClusterView; nodes: Iterable<SimulatedNode>; nowMs: number },
  orphans: Map<string, number>,
  options: { nodeTimeoutMs: number; orphanMaxMs: { restarted: number; placed: number } },
): string | null {
  const runOf = new Map<string, string>();
  const inSlot = new Map<string, string>();
  const unwanted: { container: string; place: string }[] = [];
  for (const node of nodes) {
    const logged = view.nodes.get(node.id);
    const isExcused = logged?.state !== 'ready' || logged.session !== node.session || !node.isUp;
    if (isExcused || nowMs - node.takenAtMs > options.nodeTimeoutMs) continue;
    for (const [container, { service, slot, state }] of node.running) {
      const chain = (node.chains.get(container) ?? []).map((link) => link.container);
      const wanted = [container, ...chain.toReversed()].find((id) => logged.containers.has(id));
      if (wanted === undefined) {
        unwanted.push({ container, place: `${service}.${slot}` });
        continue;
      }
      const other = runOf.get(wanted);
      if (other) return `${container} runs on ${node.id} beside ${other}: the log wants one in their place`;
      runOf.set(wanted, container);
      if (state === 'running') inSlot.set(`${service}.${slot}`, container);
    }
  }
  for (const container of orphans.keys()) {
    if (!unwanted.some((orphan) => orphan.container === container)) orphans.delete(container);
  }
  for (const { container, place } of unwanted) {
    const sinceMs = orphans.get(container) ?? nowMs;
    orphans.set(container, sinceMs);
    const isRestarted = /-[0-9a-z]+\.[0-9]+$/.test(container);
    const beside = isRestarted ? inSlot.get(place) : undefined;
    if (beside) return `${container} was restarted beside ${beside}: its slot has two runs`;
    const maxMs = options.orphanMaxMs[isRestarted ? 'restarted' : 'placed'];
    if (nowMs - sinceMs > maxMs) return `${container} runs, and the log has not wanted it for ${maxMs} ms`;
  }
  return null;
}
