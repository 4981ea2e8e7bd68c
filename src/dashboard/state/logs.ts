/** What the chosen container or service prints, followed while its details are open and its logs are asked for. */

import { batch, computed, effect, signal } from '@preact/signals';
import { systemClock } from '../../clock.ts';
import { isTerminal } from '../../model/container-machine.ts';
import { readLines } from '../source/api.ts';
import { addLines, type LogLine, linesKept, plainText, type SentLine, tailOf } from '../source/log-lines.ts';
import { type Shown, type Subject, selected, session, shown } from './store.ts';

/** `closed`: nothing was asked for, or nothing can be. */
export type LogStream = { state: 'closed' | 'opening' | 'open' | 'ended' | 'failed'; detail: string | null };

/** Asked for; it stays so from subject to subject. */
export const isLogAsked = signal(false);
export const logLines = signal<readonly LogLine[]>([]);
/** How many came, also those that are not kept. */
export const linesCame = signal(0);
export const logStream = signal<LogStream>({ state: 'closed', detail: null });

/** The id of the subject whose lines are shown. */
const followed = signal<string | null>(null);
const attempt = signal(0);

/** Why none is offered, as a sentence; null: one is. */
export const logRefusal = computed((): string | null => {
  if (!shown.value.isLive) {
    return 'Only live: what containers print is kept by their engines, not in the log, so the past has none of it.';
  }
  if (session.value !== null && !session.value.scopes.includes('read')) return 'They need a token with the scope read.';
  const { value: subject } = selected;
  return subject === null ? null : whyNotYet(subject, shown.value);
});

function whyNotYet({ kind, id }: Subject, { view }: Shown): string | null {
  // What ended while it was followed keeps its lines: its stream says that it ended.
  if (followed.value === id) return null;
  if (kind === 'service') return view.services.has(id) ? null : 'There is no such service any more.';
  const state = view.containers.get(id)?.state;
  if (state === 'in queue' || state === 'starting') return `It is ${state}: its lines appear once it runs.`;
  if (state === undefined || isTerminal(state)) return 'It has ended: what it printed last is among its facts.';
  return null;
}

/** What is to be followed, as a path; null: nothing. */
const wanted = computed((): string | null => {
  const { value: subject } = selected;
  if (!isLogAsked.value || subject === null || subject.kind === 'node' || session.value === null) return null;
  if (logRefusal.value !== null) return null;
  return `/${subject.kind}/${encodeURIComponent(subject.id)}/logs`;
});

export function startLogs(): void {
  effect(() => {
    const path = wanted.value;
    // Asked for again.
    void attempt.value;
    const leaving = new AbortController();
    batch(() => {
      logLines.value = [];
      linesCame.value = 0;
      logStream.value = { state: path === null ? 'closed' : 'opening', detail: null };
      followed.value = path === null ? null : (selected.peek()?.id ?? null);
    });
    if (path !== null) void follow(path, leaving.signal);
    return () => leaving.abort();
  });
}

export function openAgain(): void {
  attempt.value += 1;
}

async function follow(path: string, signal: AbortSignal): Promise<void> {
  const containers = selected.peek()?.kind === 'service' ? runningOf(selected.peek()!.id) : 1;
  const query = `follow=true&timestamps=true&format=ndjson&tail=${tailOf(containers)}`;
  const gather = createGathering(signal);
  try {
    for await (const lines of readLines(`${path}?${query}`, signal)) {
      if (logStream.peek().state === 'opening') logStream.value = { state: 'open', detail: null };
      for (const line of lines) gather(JSON.parse(line) as SentLine);
    }
    if (!signal.aborted && logStream.peek().state !== 'failed') logStream.value = { state: 'ended', detail: null };
  } catch (error) {
    if (!signal.aborted)
      logStream.value = { state: 'failed', detail: error instanceof Error ? error.message : String(error) };
  }
}

const runningOf = (service: string): number => shown.peek().view.services.get(service)?.running ?? 1;

/** A picture shows what came until then. */
const gatheredMs = 100;

function createGathering(signal: AbortSignal): (line: SentLine) => void {
  let gathered: LogLine[] = [];
  let key = 0;
  const deliver = () => {
    if (signal.aborted) return;
    const added = gathered;
    gathered = [];
    batch(() => {
      logLines.value = addLines(logLines.value, added);
      linesCame.value = key;
    });
  };
  return ({ container, at, output = 'stdout', text = '', problem }) => {
    if (problem && container === undefined) {
      logStream.value = { state: 'failed', detail: problem.detail };
      return;
    }
    key += 1;
    const now = new Date(systemClock.nowMs()).toISOString();
    const line = problem
      ? ({ at: now, output: 'problem', text: `no more of it: ${problem.detail}` } as const)
      : { at: at ?? now, output, text: plainText(text) };
    gathered.push({ key, container: container ?? '', ...line });
    if (gathered.length === 1) setTimeout(deliver, gatheredMs);
    if (gathered.length > 2 * linesKept) gathered.splice(0, linesKept);
  };
}
