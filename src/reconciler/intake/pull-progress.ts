/** Collects the progress of image pulls and records it as telemetry, all pulls of a second in one event. */

import type { ReportOf } from '../../bus/messages.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';

export type PullProgress = {
  /** The latest report of a container replaces the one before. */
  add(report: ReportOf<'pull-progress'>): void;
  start(): void;
  /** Records what is collected. */
  close(): void;
};

const recordEveryMs = 1_000;
/** More pulls than this at once are not shown one by one. */
const pullsMax = 500;

export function createPullProgress({ log, logger }: { log: Pick<EventLog, 'append'>; logger: Logger }): PullProgress {
  const pulls = new Map<string, ReportOf<'pull-progress'>>();
  let timer: NodeJS.Timeout | undefined;

  const record = () => {
    if (pulls.size === 0) return;
    const event = pullsEvent([...pulls.values()]);
    pulls.clear();
    log.append([event]).catch((error: unknown) => logger.debug({ err: error }, 'pull progress not recorded'));
  };

  return {
    add(report) {
      if (pulls.size < pullsMax) pulls.set(report.container, report);
    },
    start() {
      timer = setInterval(record, recordEveryMs);
    },
    close() {
      clearInterval(timer);
      record();
    },
  };
}

function pullsEvent(reports: readonly ReportOf<'pull-progress'>[]): NewEvent {
  const pulls = reports.map(({ container, node, image, at, currentBytes, totalBytes }) => {
    return { container, node, image, at, currentBytes, totalBytes };
  });
  const meta = { actor: 'intake', causationId: null };
  return { stream: streams.pulls, type: 'PullProgressReported', data: { pulls }, meta };
}
