/**
 * The agents of a what-if: the rules of the real ones, as far as nothing goes wrong but what is supposed to. Each command is obeyed at once, each start takes its permit
 * on the engine and succeeds, each report arrives. A silent node does nothing.
 */

import { parallelStartsDefault } from '../../model/node.ts';
import type { ClusterView, ContainerView } from '../../projections/view/cluster-view.ts';
import { decideReport, type ReportDecision } from '../../reconciler/commands/decide-report.ts';

export type Agents = {
  /** Reports that it is starting, waits for its permit, reports that it runs. */
  start(container: ContainerView): void;
  /** It runs: one of a job ends with 0 after a while. */
  goOn(container: ContainerView): void;
  stop(container: ContainerView): void;
};

type Deps = {
  view: ClusterView;
  later: (delayMs: number, run: () => void) => void;
  isHeard: (node: string) => boolean;
  /** It ends as soon as it runs. */
  isFailing: (container: ContainerView) => boolean;
  onReport: (decision: Exclude<ReportDecision, string>) => void;
};

type Report = Parameters<typeof decideReport>[1];
type Kind = 'starting' | 'running' | 'failed' | 'stopped' | 'completed';
type Engine = { starting: number; waiting: ContainerView[] };

/** Reports of a what-if are sent once, so their ids need not differ. */
const noId = '00000000-0000-4000-8000-000000000000';

/** How long each takes. */
export type AgentTimes = { startMs: number; stopMs: number; jobMs: number };

export function createAgents(deps: Deps, { startMs, stopMs, jobMs }: AgentTimes): Agents {
  const { view, later, isHeard, isFailing, onReport } = deps;
  const engines = new Map<string, Engine>();

  const report = (kind: Kind, container: ContainerView) => {
    const decision = decideReport(view, toReport(view, kind, container), noId);
    if (typeof decision !== 'string') onReport(decision);
  };

  /** It may have been stopped, or its node be silent, since its start was commanded. */
  const isStartable = ({ node, state }: ContainerView) => state === 'starting' && isHeard(node);

  const goOn = (container: ContainerView) => {
    if (!view.services.get(container.service)?.job) return;
    later(jobMs, () => {
      if (container.state === 'running' && isHeard(container.node)) report('completed', container);
    });
  };

  const startNext = (engine: Engine) => {
    while (engine.starting < parallelStartsDefault) {
      const next = engine.waiting.shift();
      if (!next) return;
      if (!isStartable(next)) continue;
      engine.starting += 1;
      later(startMs, () => {
        engine.starting -= 1;
        if (isStartable(next)) {
          report('running', next);
          if (isFailing(next)) report('failed', next);
          else goOn(next);
        }
        startNext(engine);
      });
    }
  };

  return {
    goOn,
    start(container) {
      if (!isHeard(container.node)) return;
      report('starting', container);
      const engine = engines.get(container.engineId) ?? { starting: 0, waiting: [] };
      engines.set(container.engineId, engine);
      engine.waiting.push(container);
      startNext(engine);
    },
    stop(container) {
      later(stopMs, () => {
        if (isHeard(container.node)) report('stopped', container);
      });
    },
  };
}

function toReport(view: ClusterView, kind: Kind, container: ContainerView): Report {
  const head = {
    clusterId: view.cluster?.id ?? noId,
    node: container.node,
    reportId: noId,
    at: view.at,
    session: view.nodes.get(container.node)?.session ?? 0,
    container: container.id,
    causationId: container.latest.eventId,
  };
  switch (kind) {
    case 'starting':
      return { ...head, kind };
    case 'running':
      return { ...head, kind, engineContainerId: container.id, startedAt: view.at, ports: [] };
    case 'failed':
      return { ...head, kind, reason: 'exited', message: 'exit code 1, as supposed', exitCode: 1, logTail: [] };
    case 'completed':
      return { ...head, kind, logTail: [] };
    case 'stopped':
      return { ...head, kind, exitCode: 0 };
  }
}
