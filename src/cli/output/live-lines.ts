/** A block of lines on a terminal that is written over while something goes on. It stays as it was last. */

import { cutPainted } from './tones.ts';

export type LiveLines = {
  update(lines: readonly string[]): void;
  /** The lines that fit the terminal, so that a caller can choose which. */
  readonly linesMax: number;
};

type Terminal = { write(text: string): unknown; columns?: number; rows?: number };

const columnsDefault = 80;
const rowsDefault = 24;
const clearToEnd = '\u001b[K';
const clearBelow = '\u001b[J';

export function createLiveLines(terminal: Terminal): LiveLines {
  let drawn = 0;
  return {
    // The cursor is below the block: a block as high as the terminal would scroll.
    linesMax: (terminal.rows ?? rowsDefault) - 1,
    update(lines) {
      const width = (terminal.columns || columnsDefault) - 1;
      // A line that runs over would take two, and the block would be drawn over itself.
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      terminal.write(
        `${up}\r${lines.map((line) => `${cutPainted(line, width)}${clearToEnd}\n`).join('')}${drawn > lines.length ? clearBelow : ''}`,
      );
      drawn = lines.length;
    },
  };
}
