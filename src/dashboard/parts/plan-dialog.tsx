/** The plan of a change: what would become of each service, and step by step when. Confirmed, or not. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { formatCount, formatDuration } from '../../history/sentences/format-values.ts';
import { describePlan, type Plan, type PlanStep, toneOfStep } from '../source/plan.ts';
import { asked, confirm, dismiss } from '../state/acting.ts';

/** The steps appear one after the other, all of them within so long. */
const playedMs = 3_000;

export function PlanDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  useSignalEffect(() => {
    const isAsked = asked.value !== null;
    if (isAsked && !dialog.current?.open) dialog.current?.showModal();
    if (!isAsked && dialog.current?.open) dialog.current.close();
  });
  const present = asked.value;
  return (
    <dialog ref={dialog} class="co-dialog" aria-labelledby="plan-heading" onClose={dismiss} data-testid="plan">
      {present && (
        <>
          <h2 id="plan-heading" class="h5">
            {present.change.title}
          </h2>
          {/* Where it is longer than the screen, keys scroll it, and the buttons stay. */}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: as above. */}
          <section class="co-dialog-body" aria-labelledby="plan-heading" tabIndex={0}>
            {present.refusal !== null && (
              <p class="co-alarm" role="alert">
                {present.refusal}
              </p>
            )}
            {present.plan === null && present.refusal === null && <p role="status">Working out what would follow …</p>}
            {present.plan && <Steps plan={present.plan} />}
          </section>
          <div class="d-flex justify-content-end gap-2 mt-3">
            <button type="button" class="btn btn-outline-secondary" onClick={dismiss}>
              {present.change.isQuestion ? 'Close' : 'Cancel'}
            </button>
            {!present.change.isQuestion && (
              <button
                type="button"
                class="btn btn-primary"
                disabled={present.plan === null || present.isSending}
                onClick={confirm}
              >
                Do it
              </button>
            )}
          </div>
        </>
      )}
    </dialog>
  );
}

function Steps({ plan: { verdict, services, timeline, timelineLeftOut, assumptions } }: { plan: Plan }) {
  const touched = services.filter(({ isUntouched }) => !isUntouched);
  return (
    <>
      <p data-testid="verdict">
        <strong>{verdict.sentence}</strong>
      </p>
      {touched.length > 0 && (
        <ul>
          {touched.map((outcome) => (
            <li key={outcome.service}>{describePlan(outcome)}</li>
          ))}
        </ul>
      )}
      {timeline.length > 0 && <Timeline steps={timeline} />}
      {timelineLeftOut > 0 && <p class="small">{formatCount(timelineLeftOut, 'further step')} are not listed.</p>}
      <details>
        <summary>What this takes for granted</summary>
        <ul class="small">
          {assumptions.map((assumption) => (
            <li key={assumption}>{assumption}</li>
          ))}
        </ul>
      </details>
    </>
  );
}

/** Played once: along a strip, and each step as the time comes to it. */
function Timeline({ steps }: { steps: readonly PlanStep[] }) {
  const round = useSignal(0);
  const lastMs = Math.max(1, steps.at(-1)!.afterMs);
  const delayOf = (afterMs: number) => `${Math.round((afterMs / lastMs) * playedMs)}ms`;
  return (
    <>
      <div class="d-flex align-items-center gap-2 mb-2">
        <div key={round.value} class="co-plan-strip" aria-hidden="true" data-testid="plan-strip">
          <span class="co-plan-played" style={{ animationDuration: `${playedMs}ms` }} />
          {steps.map((step, index) => (
            <span
              key={index}
              class={`co-plan-dot co-${toneOfStep(step)}`}
              style={{ insetInlineStart: `${(100 * step.afterMs) / lastMs}%`, animationDelay: delayOf(step.afterMs) }}
            />
          ))}
        </div>
        <span class="small text-nowrap">{formatDuration(lastMs)}</span>
        <button
          type="button"
          class="btn btn-sm btn-outline-secondary text-nowrap co-replay"
          onClick={() => {
            round.value += 1;
          }}
        >
          Play again
        </button>
      </div>
      <ol key={round.value} class="co-plan" aria-label="What would happen when">
        {steps.map((step, index) => (
          <li key={index} style={{ animationDelay: delayOf(step.afterMs) }}>
            <span class="co-after">{formatDuration(step.afterMs)}</span>
            <span>
              {step.what} <small class="text-body-secondary">{step.why}</small>
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
