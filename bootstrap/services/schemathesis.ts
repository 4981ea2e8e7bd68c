/**
 * Provides Schemathesis, the program that calls an API in every way its OpenAPI document allows and forbids: the given one, or
 * one in `.cache/`, from the Python package index. Its versions are pinned, so that a seed means the same calls everywhere.
 */

import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage } from '../../src/errors.ts';
import { runProgram } from '../cluster/programs.ts';
import { havePrograms } from './installed-program.ts';
import type { Service, ServiceOptions } from './service.ts';

const folder = fileURLToPath(new URL('../../.cache/schemathesis', import.meta.url));
const requirements = fileURLToPath(new URL('schemathesis-requirements.txt', import.meta.url));
/** Written last: a folder with it is complete. */
const mark = join(folder, 'complete');
const installDeadlineMs = 180_000;
const tries = 3;

export async function openSchemathesis(options: ServiceOptions): Promise<Service> {
  const given = process.env.CO_TEST_SCHEMATHESIS;
  if (given) return { description: 'Schemathesis of CO_TEST_SCHEMATHESIS', environment: {}, async close() {} };
  await haveInstalled(options);
  const program = join(folder, 'bin', 'st');
  return {
    description: `Schemathesis at ${program}`,
    environment: { CO_TEST_SCHEMATHESIS: program },
    async close() {},
  };
}

async function haveInstalled(options: ServiceOptions): Promise<void> {
  const isThere = await access(mark).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  const [python, pip] = (await havePrograms(['python3', 'pip3'], options)) as [string, string];
  options.print('fetching Schemathesis from the Python package index …');
  const run = (program: string, args: string[]) =>
    runProgram(program, args, { deadlineMs: installDeadlineMs, signal: options.signal });
  await rm(folder, { recursive: true, force: true });
  // Debian has venv without what would put pip into it.
  await run(python, ['-m', 'venv', '--without-pip', folder]);
  const args = ['--python', join(folder, 'bin', 'python'), 'install', '--quiet', '--requirement', requirements];
  for (let tried = 1; ; tried += 1) {
    try {
      await run(pip, args);
      break;
    } catch (error) {
      if (tried === tries || options.signal.aborted) throw error;
      options.print(`pip, try ${tried} of ${tries}: ${errorMessage(error)}`);
    }
  }
  await writeFile(mark, '');
}
