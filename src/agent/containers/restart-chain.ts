/** Containers that ended while the agent was alone, each with the runs that the agent started in its place, in their order. */

import type { ReportBody } from '../reports/reporter.ts';
import type { Run } from './container-start.ts';
import type { End } from './restart-rule.ts';

export type RunningBody = Extract<ReportBody, { kind: 'running' }>;
type RestartedBody = Extract<ReportBody, { kind: 'restarted' }>;

export type Link = {
  run: Run;
  running: RunningBody | null;
  end: LinkEnd | null;
};

/** `confirm`: the log has it, so the engine may forget the container. `ranMs` null: it did not run, or that is not known. */
export type LinkEnd = { report: End; confirm: () => void; ranMs: number | null };

/** The first is in the log, the others are not until it takes them. */
export type Chain = {
  links: [Link, ...Link[]];
  /** Until the next restart, if one is due. */
  timer: NodeJS.Timeout | null;
  /** What runs of it ends, and then the end of the first is reported: the log wants something else. */
  isAbandoned: boolean;
};

export type Chains = {
  of(container: string): Chain | undefined;
  all(): ReadonlySet<Chain>;
  add(links: Chain['links']): Chain;
  /** A run in place of the last. */
  extend(chain: Chain, run: Run): void;
  /** Those before it are in the log: it is the first now. Not of one that is the first, or in none. */
  cutBefore(container: string): Chain | null;
  drop(chain: Chain): void;
  /** The log does not have it yet. */
  isHeld(container: string): boolean;
};

export function createChains(): Chains {
  const chains = new Map<string, Chain>();
  const isHeld = (container: string) => {
    const chain = chains.get(container);
    return chain !== undefined && chain.links[0].run.container !== container;
  };
  return {
    of: (container) => chains.get(container),
    all: () => new Set(chains.values()),
    add(links) {
      const chain: Chain = { links, timer: null, isAbandoned: false };
      for (const { run } of links) chains.set(run.container, chain);
      return chain;
    },
    extend(chain, run) {
      chain.links.push(newLink(run));
      chains.set(run.container, chain);
    },
    cutBefore(container) {
      const chain = chains.get(container);
      if (!chain || !isHeld(container)) return null;
      const index = chain.links.findIndex(({ run }) => run.container === container);
      const [first, ...others] = chain.links.slice(index);
      for (const { run, end } of chain.links.slice(0, index)) {
        chains.delete(run.container);
        end?.confirm();
      }
      chain.links = [first!, ...others];
      return chain;
    },
    drop(chain) {
      stopWaiting(chain);
      for (const { run } of chain.links) if (chains.get(run.container) === chain) chains.delete(run.container);
    },
    isHeld,
  };
}

/** @returns it did wait */
export function stopWaiting(chain: Chain): boolean {
  if (chain.timer === null) return false;
  clearTimeout(chain.timer);
  chain.timer = null;
  return true;
}

export const newLink = (run: Run): Link => ({ run, running: null, end: null });

export const linkOf = ({ links }: Chain, container: string): Link =>
  links.find(({ run }) => run.container === container)!;

export const lastOf = ({ links }: Chain): Link => links.at(-1)!;

/** null: nothing was started that the log could take. Pure. */
export function toRestarted({ links }: Chain): RestartedBody | null {
  // What neither runs nor has ended may never do.
  const reportable = links.filter(({ running, end }) => running !== null || end !== null);
  if (reportable.length < 2 || links[0].end === null) return null;
  const runs = reportable.map(({ run: { container }, running, end }, index) => ({
    container,
    running: index === 0 || running === null ? null : withoutHead(running),
    end: end === null || index === reportable.length - 1 ? null : withoutCause(end.report),
  }));
  return { kind: 'restarted', causationId: null, runs };
}

function withoutHead({ kind: _, causationId: __, ...running }: RunningBody) {
  return running;
}

function withoutCause({ causationId: _, ...end }: End) {
  return end;
}
