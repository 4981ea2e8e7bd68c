/**
 * Reports that wait, a queue for each container: in order, at most one of a kind, and which containers may send next.
 * What waits is bounded by the containers of the node.
 */

import type { ContainerReport } from '../../bus/messages.ts';

export type Entry = { report: ContainerReport; onConfirmed: (() => void) | undefined };

export type ReportQueues = {
  has(container: string): boolean;
  /** One like it waits: of health only the last counts, for it may change while reports wait. */
  hasLike(container: string, kind: ContainerReport['kind']): boolean;
  add(entry: Entry): void;
  /** The first report of the container that has waited longest, which is then being sent; null: none is ready. */
  takeNext(): Entry | null;
  /**
   * @param isOver delivered or given up; otherwise it is sent again
   * @returns false: it was dropped since it was taken
   */
  giveBack(entry: Entry, isOver: boolean): boolean;
  drop(container: string): void;
  /** Those of a kind, but for one that is being sent. */
  dropLike(container: string, kind: ContainerReport['kind']): void;
  dropAll(): void;
  /** Resolves when nothing waits. */
  drained(): Promise<void>;
};

const isHealth = (kind: ContainerReport['kind']) => kind === 'healthy' || kind === 'unhealthy';

export function createReportQueues(): ReportQueues {
  /** By container, in order; the first of a queue is being sent or next. */
  const queues = new Map<string, Entry[]>();
  /** Containers whose first report is not being sent, in the order they came. */
  const ready = new Set<string>();
  let empty: PromiseWithResolvers<void> | undefined;

  const drop = (container: string) => {
    queues.delete(container);
    ready.delete(container);
    if (queues.size > 0) return;
    empty?.resolve();
    empty = undefined;
  };

  return {
    has: (container) => queues.has(container),
    hasLike(container, kind) {
      const waiting = (queues.get(container) ?? []).map(({ report }) => report.kind);
      return isHealth(kind) ? waiting.findLast(isHealth) === kind : waiting.includes(kind);
    },
    add(entry) {
      const { container } = entry.report;
      const queue = queues.get(container);
      if (queue) return void queue.push(entry);
      queues.set(container, [entry]);
      ready.add(container);
    },
    takeNext() {
      const [container] = ready;
      if (container === undefined) return null;
      ready.delete(container);
      return queues.get(container)![0]!;
    },
    giveBack(entry, isOver) {
      const { container } = entry.report;
      const queue = queues.get(container);
      if (queue?.[0] !== entry) return false;
      if (isOver) queue.shift();
      if (queue.length > 0) ready.add(container);
      else drop(container);
      return true;
    },
    drop,
    dropLike(container, kind) {
      const queue = queues.get(container);
      if (!queue) return;
      const isSending = !ready.has(container);
      const kept = queue.filter(({ report }, index) => report.kind !== kind || (isSending && index === 0));
      queue.splice(0, queue.length, ...kept);
      if (queue.length === 0) drop(container);
    },
    dropAll() {
      for (const container of [...queues.keys()]) drop(container);
    },
    drained() {
      if (queues.size === 0) return Promise.resolve();
      empty ??= Promise.withResolvers<void>();
      return empty.promise;
    },
  };
}
