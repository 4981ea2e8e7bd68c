/** Changes that a person asks for: first the plan of what would follow, then, once it was seen, the change itself. */

import { computed, signal } from '@preact/signals';
import { formatTime } from '../../history/sentences/format-values.ts';
import { ApiError, send } from '../source/api.ts';
import type { Plan } from '../source/plan.ts';
import { session, shown } from './store.ts';
import { point } from './travel.ts';

export type Change = {
  /** What it does, as a heading: `Scale web to 5`. */
  title: string;
  method: 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body?: object;
  /** It can only be supposed: `path` answers a plan, and there is nothing to confirm. */
  isQuestion?: boolean;
};

export type Asked = {
  change: Change;
  /** null: it is on its way, or was refused. */
  plan: Plan | null;
  refusal: string | null;
  isSending: boolean;
};

/** null: nothing is asked. */
export const asked = signal<Asked | null>(null);
/** What became of the last change, as a sentence. */
export const outcome = signal<string | null>(null);

/** With the scope for it, and now: the past cannot be changed. */
export const mayAct = computed(() => shown.value.isLive && session.value?.scopes.includes('write') === true);

const unknown = 'the manager could not be reached: whether the change was made is seen on this page';

export async function ask(change: Change): Promise<void> {
  const waiting: Asked = { change, plan: null, refusal: null, isSending: false };
  asked.value = waiting;
  outcome.value = null;
  try {
    const plan = change.isQuestion
      ? await send<Plan>(change.method, change.path, change.body)
      : (await send<{ plan: Plan }>(change.method, `${change.path}?dryRun=true`, change.body)).plan;
    if (asked.value === waiting) asked.value = { ...waiting, plan };
  } catch (error) {
    if (asked.value === waiting) asked.value = { ...waiting, refusal: sentenceOf(error) };
  }
}

export type Assumption =
  | { kind: 'kill' | 'drain'; node: string }
  | { kind: 'scale'; service: string; replicas: number };

/** Asks what would follow, now or at the point in time that is shown. */
export function suppose(title: string, assumption: Assumption): void {
  const at = point.peek();
  const when = at === null ? '' : `, at ${formatTime(new Date(at.timeMs).toISOString())}`;
  const body = { changes: [assumption], ...(at === null ? {} : { at: String(at.position) }) };
  void ask({ title: `What if ${title}${when}`, method: 'POST', path: '/whatif', body, isQuestion: true });
}

/** Makes the change whose plan is shown. */
export async function confirm(): Promise<void> {
  const present = asked.value;
  if (present?.plan == null || present.isSending || present.change.isQuestion) return;
  asked.value = { ...present, isSending: true };
  const { title, method, path, body } = present.change;
  try {
    const { position } = await send<{ position: number }>(method, path, body);
    outcome.value = `${title}: accepted at position ${position}`;
    asked.value = null;
  } catch (error) {
    const isUnknown = error instanceof ApiError && error.code === 'unreachable';
    asked.value = { ...present, isSending: false, refusal: isUnknown ? unknown : sentenceOf(error) };
  }
}

export function dismiss(): void {
  asked.value = null;
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
