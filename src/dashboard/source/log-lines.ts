/** What containers print, as the page keeps it: the newest lines in the order of their times. Pure. */

/** As a manager sends it. `problem`: why no more come of the container. */
export type SentLine = {
  container?: string;
  at?: string;
  output?: 'stdout' | 'stderr';
  text?: string;
  problem?: { code: string; detail: string };
};

/** `key`: rises with each that came. */
export type LogLine = {
  key: number;
  container: string;
  at: string;
  output: 'stdout' | 'stderr' | 'problem';
  text: string;
};

/** Later ones are read; a browser draws no more at once. */
export const linesKept = 2_000;
/** At first, of each container. */
const tailLines = 200;
const tailLinesMin = 20;

/** Of many containers fewer each, so that no more are sent than are kept. */
export const tailOf = (containers: number): number =>
  Math.max(tailLinesMin, Math.min(tailLines, Math.floor(linesKept / Math.max(1, containers))));

/**
 * With those that came, and no more than are kept. Containers begin one after the other, each with older lines; a problem is of the
 * time at which it came.
 */
export function addLines(kept: readonly LogLine[], added: readonly LogLine[]): LogLine[] {
  const all = [...kept, ...added];
  const isInOrder = added.every((line, index) => line.at >= (all[kept.length + index - 1]?.at ?? ''));
  if (!isInOrder) all.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.key - b.key));
  return all.slice(-linesKept);
}

/** A control character that is no tab, with the colour or the title of a window that it begins. */
const terminalCodes = /(?!\t)\p{Cc}(\[[0-9;?]*[ -/]*[@-~]|\][^\p{Cc}]*)?/gu;

/** Without what only a terminal understands. */
export const plainText = (text: string): string => text.replace(terminalCodes, '');

/** Whatever the case; in the text and the container's name. */
export function filterLines(lines: readonly LogLine[], text: string): readonly LogLine[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return lines;
  return lines.filter((line) => `${line.container} ${line.text}`.toLowerCase().includes(wanted));
}

/** The slot in a container's id: its colour, so that what replaces it has the same. */
export const slotOf = (container: string): number => Number(/^[^.]*\.(\d+)-/.exec(container)?.[1] ?? 0);
