/** The tones of states as colours of a terminal: those that are read on a dark and on a light ground. Pure. */

import type { Tone } from '../../projections/rows/state-marks.ts';

const codes: Readonly<Record<Tone, number>> = { good: 32, work: 34, warn: 33, bad: 31, idle: 90 };
const reset = '\u001b[0m';

/** Spaces at its end have no colour, so that they can be left out. */
export function paint(text: string, tone: Tone): string {
  const shown = text.trimEnd();
  return `\u001b[${codes[tone]}m${shown}${reset}${text.slice(shown.length)}`;
}

const colorCode = /(\p{Cc}\[\d+m)/u;

/** With a sign where it is cut; colours take no room. */
export function cutPainted(text: string, width: number): string {
  // What was looked for is every second one.
  const parts = text.split(colorCode);
  const visible = parts.filter((_, index) => index % 2 === 0).join('');
  if (visible.length <= width) return text;
  let left = Math.max(0, width - 1);
  const kept = parts.map((part, index) => {
    if (index % 2 === 1) return part;
    const shown = part.slice(0, left);
    left -= shown.length;
    return shown;
  });
  return `${kept.join('')}…`;
}
