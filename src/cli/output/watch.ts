/** Shows an answer again and again: on a terminal in place, elsewhere when it is another than before. Until Ctrl-C. */

import { setTimeout as pause } from 'node:timers/promises';
import type { CliContext } from './context.ts';

const everyMs = 1_000;

/** @throws what `ask` throws @returns only when the signal is aborted */
export async function watchLines(ask: () => Promise<string[]>, context: CliContext): Promise<void> {
  const live = context.liveLines('out');
  for (let before = ''; !context.signal.aborted; ) {
    const lines = await ask();
    const text = lines.join('\n');
    if (live) live.update(lines.slice(0, live.linesMax));
    else if (text !== before) context.printWhole(before === '' ? text : `\n${text}`);
    before = text;
    await pause(everyMs, undefined, { signal: context.signal });
  }
}
