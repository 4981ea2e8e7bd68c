/** Starts a manager on the history in a data folder, in a process of its own. */

import { fileURLToPath } from 'node:url';
import { type Program, startProgram } from '../../test/support/cluster/cluster.ts';

const program = fileURLToPath(new URL('manager-process.ts', import.meta.url));
/** A million events are folded in some seconds. */
const startMsMax = 120_000;

export async function startBenchManager(dataDir: string): Promise<{ url: string; manager: Program }> {
  const manager = startProgram([dataDir], {}, program);
  return { url: await manager.line('serves ', startMsMax), manager };
}
