/**
 * Restarts what ends while the agent is alone, each time as a new run, and has it reported as one thing: what ended, and what
 * runs in its place. Touches no engine: runners do.
 *
 * Always holds:
 * - an end that the reporter had once is the managers': they may have placed another run by now;
 * - of a run that the log does not have nothing is reported by itself: the report of its chain says it;
 * - what was asked to stop, or is not wanted any more, is not restarted, and what was started in its place ends first.
 */

import { restartsAloneMax } from '../../bus/container-reports.ts';
import type { RestartRule, WantedCommand } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { restartedId } from '../../model/ids.ts';
import type { Contact } from '../reports/contact.ts';
import type { ReportBody, Reporter } from '../reports/reporter.ts';
import type { Run } from './container-start.ts';
import { type Chain, type Link, lastOf, newLink, toRestarted } from './restart-chain.ts';
import { decideRestart, type End } from './restart-rule.ts';

export type Restarts = {
  /** The rule of one service. */
  learn(service: string, rule: RestartRule | undefined): void;
  /** Those of all services here. */
  learnAll(rules: WantedCommand['restarts']): void;
  /**
   * The end of a container by itself, before anything else has it, and again whenever it is asked for.
   * @returns false: it is to be reported as any other
   */
  takeEnd(run: Run, end: End, confirm: () => void): boolean;
  /** @returns false: the log has the container, so its reports go their way */
  takeReport(container: string, report: ReportBody): boolean;
  /** It may run by now, or still: nothing has replaced what it replaces. */
  mayStart(run: Run): boolean;
  /** Containers that the log does not have → the one of the log in whose place they are. */
  heldFor(): ReadonlyMap<string, string>;
  /** An agent was restarted: what the one before it started in place of the first. */
  resume(runs: readonly [Run, ...Run[]], running: (run: Run) => ReportBody | null): void;
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
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  logger: Logger;
};

export type RestartsOptions = { closing: AbortSignal; start(run: Run): void };

/** Whether it is still alone is asked this often while a restart waits. */
const checkEveryMs = 250;

export function createRestarts(deps: RestartsDeps, { closing, start }: RestartsOptions): Restarts {
  const { contact, reporter, clock, logger } = deps;
  let rules = new Map<string, RestartRule>();
  const chainOf = new Map<string, Chain>();
  /** Ends that the reporter had. */
  const handedOver = new WeakSet<End>();

  const mayRestart = (rule: RestartRule | undefined): rule is RestartRule =>
    rule !== undefined && !closing.aborted && contact.isAlone(rule.onDisconnect);

  const decide = ({ run, running, end }: Link) => {
    const rule = rules.get(run.service);
    if (!mayRestart(rule) || end === null) return null;
    const ranMs = running === null ? null : clock.nowMs() - Date.parse(running.startedAt);
    const { container, failures = 0 } = run;
    return decideRestart(rule, { container, end: end.report, failures, ranMs });
  };

  const report = (chain: Chain) => {
    const body = chain.isAbandoned ? null : toRestarted(chain);
    if (body) reporter.replace(chain.links[0].run.container, body);
  };

  /** @returns false: nothing follows on the end of the last */
  const schedule = (chain: Chain): boolean => {
    const last = lastOf(chain);
    const next = chain.links.length > restartsAloneMax ? null : decide(last);
    if (!next) return false;
    const dueAtMs = clock.monotonicMs() + next.delayMs;
    const check = () => {
      chain.timer = null;
      if (!mayRestart(rules.get(last.run.service))) return reportFirst(chain);
      const leftMs = dueAtMs - clock.monotonicMs();
      if (leftMs <= 0) return restart(chain, next.failures);
      chain.timer = setTimeout(check, Math.min(leftMs, checkEveryMs)).unref();
    };
    check();
    return true;
  };

  const restart = (chain: Chain, failures: number) => {
    const { run } = lastOf(chain);
    const container = restartedId(run.container);
    // The image is here: a registry that is away must not keep it from running.
    const { pull, ...spec } = run.spec;
    const next: Run = {
      ...run,
      ...{ container, replaces: run.container, failures },
      ...{ spec: pull === 'never' ? run.spec : spec, digest: run.digest ?? undefined },
    };
    chain.links.push(newLink(next));
    chainOf.set(container, chain);
    logger.warn({ container, replaces: run.container }, 'no manager can be reached: restarted by the agent itself');
    start(next);
  };

  /** As any other end; what came after it has to be gone. */
  const reportFirst = (chain: Chain) => {
    const [first, ...others] = chain.links;
    if (others.length > 0 && !chain.isAbandoned) return;
    drop(chain);
    for (const { end } of others) end?.confirm();
    if (!first.end) return;
    handedOver.add(first.end.report);
    reporter.report(first.run.container, first.end.report, first.end.confirm);
  };

  const drop = (chain: Chain) => {
    if (chain.timer) clearTimeout(chain.timer);
    chain.timer = null;
    for (const { run } of chain.links) if (chainOf.get(run.container) === chain) chainOf.delete(run.container);
  };

  const linkOf = (chain: Chain, container: string) => chain.links.find(({ run }) => run.container === container)!;
  const isHeld = (container: string) => {
    const chain = chainOf.get(container);
    return chain !== undefined && chain.links[0].run.container !== container;
  };

  return {
    learn(service, rule) {
      if (rule) rules.set(service, rule);
      else rules.delete(service);
    },
    learnAll(all = []) {
      rules = new Map(all.map(({ service, ...rule }) => [service, rule]));
    },
    takeEnd(run, end, confirm) {
      const known = chainOf.get(run.container);
      if (!known) {
        if (handedOver.has(end)) return false;
        const chain: Chain = {
          links: [{ ...newLink(run), end: { report: end, confirm } }],
          timer: null,
          isAbandoned: false,
        };
        chainOf.set(run.container, chain);
        if (schedule(chain)) return true;
        drop(chain);
        handedOver.add(end);
        return false;
      }
      const link = linkOf(known, run.container);
      const isNews = link.end?.report !== end;
      link.end = { report: end, confirm };
      if (isNews && link === lastOf(known) && !known.isAbandoned) schedule(known);
      report(known);
      return true;
    },
    takeReport(container, body) {
      if (!isHeld(container)) return false;
      const chain = chainOf.get(container)!;
      if (body.kind === 'running') {
        linkOf(chain, container).running = body;
        report(chain);
      }
      return true;
    },
    mayStart(run) {
      if (!isHeld(run.container) || contact.isConnected()) return true;
      return mayRestart(rules.get(run.service));
    },
    heldFor() {
      const held = new Map<string, string>();
      for (const [container, { links }] of chainOf) {
        if (links[0].run.container !== container) held.set(container, links[0].run.container);
      }
      return held;
    },
    resume([first, ...others], running) {
      const links: Chain['links'] = [newLink(first), ...others.map(newLink)];
      for (const link of links) {
        const found = running(link.run);
        if (found?.kind === 'running') link.running = found;
      }
      const chain: Chain = { links, timer: null, isAbandoned: false };
      for (const { run } of links) chainOf.set(run.container, chain);
    },
    claim(container) {
      if (!isHeld(container)) return false;
      const chain = chainOf.get(container)!;
      const index = chain.links.findIndex(({ run }) => run.container === container);
      const [first, ...others] = chain.links.slice(index);
      for (const { run, end } of chain.links.slice(0, index)) {
        chainOf.delete(run.container);
        end?.confirm();
      }
      chain.links = [first!, ...others];
      if (others.length === 0 && chain.timer === null) drop(chain);
      else report(chain);
      return true;
    },
    abandon(container, end) {
      const chain = chainOf.get(container);
      if (!chain || chain.isAbandoned) return;
      chain.isAbandoned = true;
      if (chain.timer) clearTimeout(chain.timer);
      const running = chain.links.slice(1).filter((link) => link.end === null);
      void Promise.all(running.map(({ run }) => end(run.container))).then(() => reportFirst(chain));
    },
    forget(container) {
      const chain = chainOf.get(container);
      if (chain) drop(chain);
    },
    contact() {
      for (const chain of new Set(chainOf.values())) {
        if (chain.timer === null) continue;
        clearTimeout(chain.timer);
        chain.timer = null;
        reportFirst(chain);
      }
    },
  };
}
