/** What the chosen container, or each replica of the chosen service, prints: the newest lines, following until one scrolls up. */

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { formatCount, formatTime } from '../../history/sentences/format-values.ts';
import { filterLines, type LogLine, linesKept, slotOf } from '../source/log-lines.ts';
import { isLogAsked, linesCame, logLines, logRefusal, logStream, openAgain } from '../state/logs.ts';
import type { Subject } from '../state/store.ts';

export function LogPanel({ subject }: { subject: Subject }) {
  const refusal = logRefusal.value;
  const isOpen = isLogAsked.value;
  return (
    <section class="co-logs" aria-labelledby="logs-heading" data-testid="logs">
      <div class="d-flex align-items-center gap-2">
        <h3 id="logs-heading" class="h6 m-0">
          Logs
        </h3>
        {refusal === null && (
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary"
            aria-expanded={isOpen}
            onClick={() => {
              isLogAsked.value = !isOpen;
            }}
          >
            {isOpen ? 'Hide logs' : 'Show logs'}
          </button>
        )}
      </div>
      {refusal !== null && <p class="small mt-1 mb-0">{refusal}</p>}
      {isOpen && refusal === null && <Lines key={subject.id} subject={subject} />}
    </section>
  );
}

function Lines({ subject }: { subject: Subject }) {
  const text = useSignal('');
  /** While one reads above the end: what is shown stays. */
  const held = useSignal<{ lines: readonly LogLine[]; came: number } | null>(null);
  const shown = filterLines(held.value?.lines ?? logLines.value, text.value);
  const newer = held.value === null ? 0 : linesCame.value - held.value.came;
  return (
    <>
      <input
        type="search"
        class="form-control form-control-sm mt-2"
        placeholder="error, GET /, web.2 …"
        aria-label="Lines with this text"
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
      <Status found={text.value.trim() === '' ? null : shown.length} />
      <div class="co-log-frame">
        <Window
          subject={subject}
          lines={shown}
          isHeld={held.value !== null}
          onHold={(isHeld) => {
            held.value = isHeld ? { lines: logLines.peek(), came: linesCame.peek() } : null;
          }}
        />
        {held.value !== null && (
          <button
            type="button"
            class="btn btn-sm btn-primary co-log-newest"
            onClick={() => {
              held.value = null;
            }}
          >
            <span aria-hidden="true">↓ </span>Newest{newer > 0 && `: ${formatCount(newer, 'more line')}`}
          </button>
        )}
      </div>
    </>
  );
}

function Status({ found }: { found: number | null }) {
  const { state, detail } = logStream.value;
  const words = {
    closed: '',
    opening: 'Opening …',
    open: 'Following',
    ended: 'It has ended: nothing more is printed',
    failed: `No more can be shown: ${detail}`,
  }[state];
  const kept = logLines.value.length;
  const counted = found === null ? formatCount(kept, 'line') : `${found} of ${formatCount(kept, 'line')}`;
  const isFull = linesCame.value > linesKept;
  return (
    <p class="small my-1 d-flex flex-wrap align-items-center gap-2" data-testid="log-state" data-state={state}>
      <span role="status" class={state === 'failed' ? 'co-log-failed' : ''}>
        {words}
      </span>
      <span>
        {isFull ? 'the newest ' : ''}
        {counted}
      </span>
      {state === 'failed' && (
        <button type="button" class="btn btn-sm btn-outline-secondary" onClick={openAgain}>
          Open again
        </button>
      )}
    </p>
  );
}

/** Of the end, in which a browser's own rounding is lost. */
const nearPx = 8;

type WindowProps = {
  subject: Subject;
  lines: readonly LogLine[];
  isHeld: boolean;
  onHold(isHeld: boolean): void;
};

function Window({ subject: { kind, id }, lines, isHeld, onHold }: WindowProps) {
  const frame = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!isHeld) frame.current!.scrollTop = frame.current!.scrollHeight;
  }, [lines, isHeld]);
  return (
    <div
      ref={frame}
      class="co-log"
      role="log"
      aria-label={`What ${id} prints`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it.
      tabIndex={0}
      data-testid="log"
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        const isAbove = scrollHeight - scrollTop - clientHeight > nearPx;
        if (isAbove !== isHeld) onHold(isAbove);
      }}
    >
      {lines.map((line) => (
        <Line key={line.key} line={line} isNamed={kind === 'service'} />
      ))}
    </div>
  );
}

function Line({ line: { container, at, output, text }, isNamed }: { line: LogLine; isNamed: boolean }) {
  return (
    <div class={`co-log-line co-log-${output}`} data-output={output}>
      <time dateTime={at} title={`${formatTime(at)} UTC`}>
        {at.slice('2026-01-01T'.length, -'.000Z'.length)}
      </time>
      {isNamed && <span class={`co-log-name co-replica-${slotOf(container) % replicaColors}`}>{container}</span>}
      {output === 'stderr' && <span class="co-log-mark">stderr</span>}
      <span class="co-log-text">{text}</span>
    </div>
  );
}

/** In page.css. */
const replicaColors = 8;
