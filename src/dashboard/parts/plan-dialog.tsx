/** The plan of a change: what would become of each service, and step by step when. Confirmed, or not. */

import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { formatCount, formatDuration } from '../../history/sentences/format-values.ts';
import { describePlan, type Plan } from '../source/plan.ts';
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
          {present.refusal !== null && (
            <p class="co-alarm" role="alert">
              {present.refusal}
            </p>
          )}
          {present.plan === null && present.refusal === null && <p role="status">Working out what would follow …</p>}
          {present.plan && <Steps plan={present.plan} />}
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
  const lastMs = Math.max(1, timeline.at(-1)?.afterMs ?? 1);
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
      {timeline.length > 0 && (
        <ol class="co-plan" aria-label="What would happen when">
          {timeline.map(({ afterMs, what }, index) => (
            <li key={index} style={{ animationDelay: `${Math.round((afterMs / lastMs) * playedMs)}ms` }}>
              <span class="co-after">{formatDuration(afterMs)}</span> {what}
            </li>
          ))}
        </ol>
      )}
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
