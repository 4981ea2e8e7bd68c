/** Runs promtool, the program of Prometheus that checks metrics, rules and queries. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** null: this machine has none, and the tests that need it are skipped. */
export const promtool = process.env.CO_TEST_PROMTOOL ?? null;

/** @returns the exit code and all it printed */
export async function runPromtool(args: readonly string[], input = ''): Promise<{ exitCode: number; output: string }> {
  const child = spawn(promtool!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += String(chunk);
    });
  }
  child.stdin.end(input);
  const [exitCode] = await once(child, 'close');
  return { exitCode, output };
}
