/**
 * Restarts what ends while the agent is alone, each time as a new run, and has it reported as one thing: what ended, and what
 * runs in its place. Touches no engine: runners do.
 *
 * Always holds:
 * - an end that the reporter had once is the managers': they may have placed another run by now;
 * - of a run that the log does not have nothing is reported by itself: the report of its chain says it;
 * - what was asked to stop, or is not wanted any more, is not restarted, and what was started in its place ends first.
 */

import type { RestartRule, WantedCommand } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { Contact } from '../reports/contact.ts';
import type { ReportBody, Reporter } from '../reports/reporter.ts';
import type { Run } from './container-start.ts';
import {
  type Chain,
  type Chains,
  createChains,
  type Link,
  type LinkEnd,
  lastOf,
  linkOf,
  newLink,
  type RunningBody,
  stopWaiting,
  toRestarted,
} from './restart-chain.ts';
import type { End } from './restart-rule.ts';
import { createRestartSchedule, type RestartSchedule } from './restart-schedule.ts';

export type Restarts = {
  /** The rule of one service. */
  learn(service: string, rule: RestartRule | undefined): void;
  /** Those of all services here. */
  learnAll(rules: WantedCommand['restarts']): void;
  /**
   * The end of a container by itself, before anything else has it, and again whenever it is asked for.
   * @returns false: it is to be reported as any other
   */
  takeEnd(run: Run, end: LinkEnd): boolean;
  /** @returns false: the log has the container, so its reports go their way */
  takeReport(container: string, report: ReportBody): boolean;
  /** It may run by now, or still: nothing has replaced what it replaces. */
  mayStart(run: Run): boolean;
  /** Containers that the log does not have → the one of the log in whose place they are. */
  heldFor(): ReadonlyMap<string, string>;
  /** An agent was restarted: what the one before it started in place of the first. */
  resume(runs: readonly [Run, ...Run[]], runningOf: (run: Run) => RunningBody | null): void;
  /** The log has it. @returns false: it had it before */
  claim(container: string): boolean;
  /** The log wants an end of one of the chain: what was started in its place ends, then the end of the first is reported. */
  abandon(container: string, end: (container: string) => Promise<void>): void;
  /** The log knows neither the first nor what came after it. */
  forget(container: string): void;
  /** A manager is there: what waits for its restart is reported instead. */
  contact(): void;
};

export type RestartsDeps = {
  contact: Contact;
  reporter: Pick<Reporter, 'report' | 'replace'>;
  clock: Pick<Clock, 'monotonicMs'>;
  logger: Logger;
};

export type RestartsOptions = { closing: AbortSignal; start(run: Run): void };

export function createRestarts(deps: RestartsDeps, { closing, start }: RestartsOptions): Restarts {
  const chains = createChains();
  const rules = new Map<string, RestartRule>();
  const isAlone = (service: string) => {
    const rule = rules.get(service);
    return rule !== undefined && !closing.aborted && deps.contact.isAlone(rule.onDisconnect);
  };
  const reports = createRestartReports(deps.reporter, chains);
  const schedule = createRestartSchedule(deps, { chains, rules, isAlone, start, giveUp: reports.reportFirst });
  return {
    learn(service, rule) {
      if (rule) rules.set(service, rule);
      else rules.delete(service);
    },
    learnAll(all = []) {
      rules.clear();
      for (const { service, ...rule } of all) rules.set(service, rule);
    },
    ...ofRunners(deps, { chains, reports, schedule, isAlone }),
    ...ofManagers({ chains, reports }),
  };
}

type Parts = {
  chains: Chains;
  reports: RestartReports;
  schedule: RestartSchedule;
  isAlone: (service: string) => boolean;
};

function ofRunners(
  { contact }: Pick<RestartsDeps, 'contact'>,
  { chains, reports, schedule, isAlone }: Parts,
): Pick<Restarts, 'takeEnd' | 'takeReport' | 'mayStart'> {
  /** Ends that were decided about once: whatever the reporter had is the managers'. */
  const handedOver = new WeakSet<End>();
  const takeFirst = (run: Run, end: LinkEnd): boolean => {
    if (handedOver.has(end.report)) return false;
    handedOver.add(end.report);
    const chain = chains.add([{ ...newLink(run), end }]);
    if (schedule(chain)) return true;
    chains.drop(chain);
    return false;
  };
  return {
    takeEnd(run, end) {
      const chain = chains.of(run.container);
      if (!chain) return takeFirst(run, end);
      const link = linkOf(chain, run.container);
      const isNews = link.end?.report !== end.report;
      link.end = end;
      if (isNews && link === lastOf(chain) && !chain.isAbandoned) schedule(chain);
      reports.report(chain);
      return true;
    },
    takeReport(container, body) {
      const chain = chains.of(container);
      if (!chain || !chains.isHeld(container)) return false;
      if (body.kind === 'running') {
        linkOf(chain, container).running = body;
        reports.report(chain);
      }
      return true;
    },
    mayStart: ({ container, service }) => !chains.isHeld(container) || contact.isConnected() || isAlone(service),
  };
}

type OfManagers = 'heldFor' | 'resume' | 'claim' | 'abandon' | 'forget' | 'contact';

function ofManagers({ chains, reports }: Pick<Parts, 'chains' | 'reports'>): Pick<Restarts, OfManagers> {
  return {
    heldFor() {
      const all = [...chains.all()].flatMap(({ links: [first, ...others] }) =>
        others.map(({ run }) => [run.container, first.run.container] as const),
      );
      return new Map(all);
    },
    resume([first, ...others], runningOf) {
      const linkFor = (run: Run): Link => ({ ...newLink(run), running: runningOf(run) });
      chains.add([newLink(first), ...others.map(linkFor)]);
    },
    claim(container) {
      const chain = chains.cutBefore(container);
      if (!chain) return false;
      if (chain.links.length === 1 && chain.timer === null) chains.drop(chain);
      else reports.report(chain);
      return true;
    },
    abandon(container, end) {
      const chain = chains.of(container);
      if (!chain || chain.isAbandoned) return;
      chain.isAbandoned = true;
      stopWaiting(chain);
      const running = chain.links.slice(1).filter((link) => link.end === null);
      void Promise.all(running.map(({ run }) => end(run.container))).then(() => reports.reportFirst(chain));
    },
    forget(container) {
      const chain = chains.of(container);
      if (chain) chains.drop(chain);
    },
    contact() {
      for (const chain of chains.all()) if (stopWaiting(chain)) reports.reportFirst(chain);
    },
  };
}

type RestartReports = {
  /** The chain as far as it has come. */
  report(chain: Chain): void;
  /** The end of the first as any other; what came after it has to be gone. */
  reportFirst(chain: Chain): void;
};

function createRestartReports(reporter: RestartsDeps['reporter'], chains: Chains): RestartReports {
  return {
    report(chain) {
      const body = chain.isAbandoned ? null : toRestarted(chain);
      if (body) reporter.replace(chain.links[0].run.container, body);
    },
    reportFirst(chain) {
      const [first, ...others] = chain.links;
      if (others.length > 0 && !chain.isAbandoned) return;
      chains.drop(chain);
      for (const { end } of others) end?.confirm();
      if (first.end) reporter.report(first.run.container, first.end.report, first.end.confirm);
    },
  };
}
