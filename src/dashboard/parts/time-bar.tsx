/** The history as a strip, and the slider over it: what happened when, and which point in time the page shows. */

import { useComputed } from '@preact/signals';
import { scaleLog, scaleUtc } from 'd3-scale';
import { formatTime } from '../../history/sentences/format-values.ts';
import type { DensityBucket } from '../source/time-line.ts';
import { compare, comparedMs, stepCompared } from '../state/compare.ts';
import { shown } from '../state/store.ts';
import { type Direction, density, goLive, goToTime, isNear, play, point, range, speed, step } from '../state/travel.ts';

/** Of the drawing; it is stretched to the width there is. */
const width = 1_000;
const height = 44;
/** Under the bars: one line for each kind of mark. */
const marksTop = 30;

const speeds = [1, 10, 100, 1_000] as const;

export function TimeBar() {
  return (
    <section class="co-time" aria-label="Time" data-testid="time">
      <div class={`co-strip ${comparedMs.value === null ? '' : 'co-compared'}`}>
        <Strip />
        <Slider />
        <SecondHandle />
      </div>
      <Axis />
      <Controls />
    </section>
  );
}

function Strip() {
  const drawing = useComputed(() => {
    const { buckets, bucketMs } = density.value;
    const { fromMs, toMs } = range.value;
    const x = scaleUtc().domain([fromMs, toMs]).range([0, width]);
    const most = buckets.reduce((max, { facts }) => Math.max(max, facts), 1);
    const y = scaleLog()
      .domain([1, Math.max(2, most)])
      .range([4, marksTop - 4]);
    const bars = buckets.map((bucket) => {
      const startMs = Date.parse(bucket.at);
      const left = x(startMs);
      return { bucket, left, wide: Math.max(1.5, x(startMs + bucketMs) - left), tall: y(bucket.facts) };
    });
    return { bars, present: x };
  });
  const { bars } = drawing.value;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={wordsOf(bars)}>
      {bars.map(({ bucket, left, wide, tall }) => (
        <g key={bucket.at} data-testid="bucket" data-changes={bucket.changes} data-failures={bucket.failures}>
          <rect class="co-bar" x={left} width={wide} y={marksTop - tall} height={tall} />
          {bucket.changes > 0 && <rect class="co-mark co-work" x={left} width={Math.max(3, wide)} y={31} height={4} />}
          {bucket.failures > 0 && (
            <rect class="co-mark co-warn" x={left} width={Math.max(3, wide)} y={35.5} height={4} />
          )}
          {bucket.losses > 0 && <rect class="co-mark co-bad" x={left} width={Math.max(3, wide)} y={40} height={4} />}
        </g>
      ))}
    </svg>
  );
}

function wordsOf(bars: readonly { bucket: DensityBucket }[]): string {
  const total = { facts: 0, changes: 0, failures: 0, losses: 0 };
  for (const { bucket } of bars)
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += bucket[key];
  const { facts, changes, failures, losses } = total;
  return `The history: ${facts} facts, ${changes} changes, ${failures} failures, ${losses} losses`;
}

/** Arrows step from event to event, with either handle; the pages of a slider are its own. */
const directions: Readonly<Record<string, Direction>> = {
  ...{ ArrowLeft: 'backward', ArrowDown: 'backward', ArrowRight: 'forward', ArrowUp: 'forward' },
};

function Slider() {
  const { fromMs, toMs } = range.value;
  const timeMs = point.value?.timeMs ?? toMs;
  const last = shown.value.view;
  return (
    <input
      type="range"
      class="co-slider"
      aria-label="Point in time"
      aria-valuetext={point.value === null ? 'live' : `${formatTime(last.at)} UTC, position ${point.value.position}`}
      min={fromMs}
      max={toMs}
      step={1}
      value={timeMs}
      onInput={({ currentTarget }) => {
        speed.value = 0;
        goToTime(Number(currentTarget.value));
      }}
      onKeyDown={(event) => {
        const direction = directions[event.key];
        if (direction) void step(direction);
        else if (event.key === 'End') goLive();
        else return;
        event.preventDefault();
      }}
    />
  );
}

/** While two points in time are compared. */
function SecondHandle() {
  const { fromMs, toMs } = range.value;
  const { value } = comparedMs;
  if (value === null) return null;
  return (
    <input
      type="range"
      class="co-slider co-second"
      aria-label="Compared with"
      aria-valuetext={`${formatTime(new Date(value).toISOString())} UTC`}
      min={fromMs}
      max={toMs}
      step={1}
      value={value}
      onInput={({ currentTarget }) => {
        comparedMs.value = Number(currentTarget.value);
      }}
      onKeyDown={(event) => {
        const direction = directions[event.key];
        if (!direction) return;
        void stepCompared(direction);
        event.preventDefault();
      }}
    />
  );
}

/** A label at an end stays whole. */
const labelHalf = '1.8rem';

function Axis() {
  const { fromMs, toMs } = range.value;
  const x = scaleUtc().domain([fromMs, toMs]);
  const format = tickFormatOf(toMs - fromMs);
  return (
    <div class="co-axis" aria-hidden="true">
      {x.ticks(6).map((tick) => (
        <span
          key={tick.getTime()}
          style={{ insetInlineStart: `clamp(${labelHalf}, ${x(tick) * 100}%, 100% - ${labelHalf})` }}
        >
          {format(tick.toISOString())}
        </span>
      ))}
    </div>
  );
}

/** As everywhere here, UTC and 24 hours; of a time what changes from tick to tick. */
function tickFormatOf(spanMs: number): (at: string) => string {
  if (spanMs > 3 * 86_400_000) return (at) => at.slice('2026-'.length, '2026-01-01'.length);
  const seconds = spanMs < 600_000 ? '00:00:00'.length : '00:00'.length;
  return (at) => at.slice('2026-01-01T'.length).slice(0, seconds);
}

function Controls() {
  const isLive = point.value === null;
  const at = point.value === null ? null : new Date(point.value.timeMs).toISOString();
  return (
    <div class="co-controls">
      <button type="button" class="btn btn-sm btn-outline-secondary" onClick={() => step('backward')}>
        <span aria-hidden="true">◀ </span>Back
      </button>
      <button type="button" class="btn btn-sm btn-outline-secondary" onClick={() => step('forward')} disabled={isLive}>
        Forward<span aria-hidden="true"> ▶</span>
      </button>
      <fieldset class="co-speeds">
        <legend class="visually-hidden">Play the history</legend>
        <span aria-hidden="true">Play</span>
        {speeds.map((times) => (
          <button
            key={times}
            type="button"
            class={`btn btn-sm ${speed.value === times ? 'btn-secondary' : 'btn-outline-secondary'}`}
            aria-pressed={speed.value === times}
            aria-label={`Play ${times} times as fast`}
            onClick={() => play(speed.value === times ? 0 : times)}
          >
            {times}×
          </button>
        ))}
      </fieldset>
      <output class="co-point" data-testid="point">
        {at === null ? 'now' : `${formatTime(at)} UTC · #${point.value!.position}`}
        {isNear.value && ' …'}
      </output>
      <button
        type="button"
        class={`btn btn-sm ${isLive ? 'btn-success' : 'btn-outline-secondary'}`}
        aria-pressed={isLive}
        onClick={goLive}
      >
        Live
      </button>
      <button
        type="button"
        class={`btn btn-sm ${comparedMs.value === null ? 'btn-outline-secondary' : 'btn-secondary'}`}
        aria-pressed={comparedMs.value !== null}
        onClick={compare}
      >
        Compare
      </button>
      <ul class="co-legend list-unstyled" aria-label="Marks of the strip">
        <li>
          <span class="co-swatch co-work">▬</span>changes
        </li>
        <li>
          <span class="co-swatch co-warn">▬</span>failures
        </li>
        <li>
          <span class="co-swatch co-bad">▬</span>losses
        </li>
      </ul>
    </div>
  );
}
