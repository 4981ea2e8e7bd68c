/** When the next run of a chain is due, and what it is. While it waits the agent may be alone no more: then it is given up. */

import { restartsAloneMax } from '../../bus/container-reports.ts';
import type { RestartRule } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { restartedId } from '../../model/ids.ts';
import type { Run } from './container-start.ts';
import { type Chain, type Chains, type Link, lastOf } from './restart-chain.ts';
import { decideRestart } from './restart-rule.ts';

/** @returns false: nothing follows on the end of the last, now or later */
export type RestartSchedule = (chain: Chain) => boolean;

type Deps = { clock: Pick<Clock, 'monotonicMs'>; logger: Logger };

export type RestartScheduleOptions = {
  chains: Pick<Chains, 'extend'>;
  rules: ReadonlyMap<string, RestartRule>;
  isAlone(service: string): boolean;
  start(run: Run): void;
  /** It waited, and is not restarted: what is next is a manager's to decide. */
  giveUp(chain: Chain): void;
};

/** Whether it is still alone is asked this often while a restart waits. */
const checkEveryMs = 250;

export function createRestartSchedule(
  { clock, logger }: Deps,
  { chains, rules, isAlone, start, giveUp }: RestartScheduleOptions,
): RestartSchedule {
  const decide = ({ run, end }: Link) => {
    const rule = rules.get(run.service);
    if (!rule || end === null || !isAlone(run.service)) return null;
    const { container, failures = 0 } = run;
    return decideRestart(rule, { container, end: end.report, failures, ranMs: end.ranMs });
  };

  const restart = (chain: Chain, failures: number) => {
    const run = nextRun(lastOf(chain).run, failures);
    chains.extend(chain, run);
    const { container, replaces } = run;
    logger.warn({ container, replaces }, 'no manager can be reached: restarted by the agent itself');
    start(run);
  };

  return (chain) => {
    const last = lastOf(chain);
    const next = chain.links.length > restartsAloneMax ? null : decide(last);
    if (!next) return false;
    const dueAtMs = clock.monotonicMs() + next.delayMs;
    const check = () => {
      chain.timer = null;
      if (!isAlone(last.run.service)) return giveUp(chain);
      const leftMs = dueAtMs - clock.monotonicMs();
      if (leftMs <= 0) return restart(chain, next.failures);
      chain.timer = setTimeout(check, Math.min(leftMs, checkEveryMs)).unref();
    };
    check();
    return true;
  };
}

/** Its image is here: a registry that is away must not keep it from running. */
function nextRun(run: Run, failures: number): Run {
  const { pull, ...spec } = run.spec;
  return {
    ...run,
    ...{ container: restartedId(run.container), replaces: run.container, failures },
    ...{ spec: pull === 'never' ? run.spec : spec, digest: run.digest ?? undefined },
  };
}
