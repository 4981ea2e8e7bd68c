/** What measures in the page itself: from the input of the slider to the painted picture, and from frame to frame. */

import type { Page } from 'playwright-core';

/** Milliseconds from the input. */
export type Drag = {
  /** A picture of that time, or of one near it, is painted. */
  near: number;
  /** The picture of exactly that position is. */
  exact: number;
};

/**
 * An input counts from when the browser has it. A picture is painted when a task runs that was posted in a frame: what the
 * frame draws is drawn before. The label of the point ends in … while the picture is a near one.
 */
const script = `(() => {
  const label = document.querySelector('[data-testid=point]');
  const drags = [];
  let drag = null;
  const afterPaint = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = then;
    port2.postMessage(null);
  });
  const look = () => afterPaint(() => {
    if (drag === null) return;
    const text = label.textContent;
    if (text === drag.before) return look();
    const tookMs = performance.now() - drag.at;
    drag.near ??= tookMs;
    if (text.endsWith('…')) return look();
    drags.push({ near: drag.near, exact: tookMs });
    drag = null;
  });
  addEventListener('input', ({ target, timeStamp }) => {
    if (!target.classList.contains('co-slider')) return;
    const isWatched = drag !== null;
    drag = { at: timeStamp, before: label.textContent, near: null };
    if (!isWatched) look();
  }, true);
  let frames = null;
  const count = (atMs) => {
    if (frames === null) return;
    frames.push(atMs);
    requestAnimationFrame(count);
  };
  window.recorder = {
    settled: async () => {
      while (drag !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    takeDrags: () => drags.splice(0),
    countFrames: () => {
      frames = [];
      requestAnimationFrame(count);
    },
    takeFrames: () => {
      const taken = frames;
      frames = null;
      return taken.slice(1).map((atMs, index) => atMs - taken[index]);
    },
  };
})()`;

export const installRecorder = (page: Page): Promise<unknown> => page.evaluate(script);

/** Until the exact picture of the last input is painted. */
export const settle = (page: Page): Promise<unknown> => page.evaluate('recorder.settled()');

export const takeDrags = (page: Page): Promise<Drag[]> => page.evaluate('recorder.takeDrags()');
export const countFrames = (page: Page): Promise<unknown> => page.evaluate('recorder.countFrames()');
/** Milliseconds from each frame to the next. */
export const takeFrames = (page: Page): Promise<number[]> => page.evaluate('recorder.takeFrames()');
