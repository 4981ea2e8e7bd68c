/**
 * The passwords and tokens of compose.yaml: made once at random, each in the one file that needs it, in a folder
 * that only its owner can enter and git does not see. What is there already is kept.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProgram, runOnce } from '../../src/process/arguments.ts';
import { composeNodes, hashPassword, managerUser, renderDefinitions, virtualHost } from '../rabbitmq/definitions.ts';

const broker = 'rabbitmq:5672';

/** @returns the files it made, none of those that were there */
export async function makeComposeSecrets(dir: string): Promise<string[]> {
  // The folder keeps others on this machine out; inside containers the files are read by users of other ids.
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const made: string[] = [];
  /** The content of the file, old or new. */
  const keep = async (name: string, make: () => string): Promise<string> => {
    const path = join(dir, name);
    const found = await readFile(path, 'utf8').catch(() => null);
    if (found !== null) return found;
    const content = make();
    await writeFile(path, content, { mode: 0o644, flag: 'wx' });
    made.push(name);
    return content;
  };

  await keep(
    'tokens',
    () => `operator:write:${newSecret()}\nobserver:read:${newSecret()}\nkeeper:secrets:${newSecret()}\n`,
  );
  await keep('secrets-key', () => `${randomBytes(32).toString('hex')}\n`);
  const hashes: Record<string, string> = {};
  for (const user of [managerUser, ...composeNodes]) {
    const content = await keep(`${user}-amqp-url`, () => `amqp://${user}:${newSecret()}@${broker}/${virtualHost}\n`);
    hashes[user] = hashPassword(readPassword(content), randomBytes(4));
  }
  await keep('rabbitmq-definitions.json', () => renderDefinitions(composeNodes, hashes));
  return made;
}

/** Safe in a URL without any quoting. */
const newSecret = () => randomBytes(24).toString('base64url');

const readPassword = (url: string) => decodeURIComponent(new URL(url.trim()).password);

if (import.meta.main) {
  const out = fileURLToPath(new URL('../../.compose', import.meta.url));
  const program = createProgram(
    './bootstrap/compose-secrets',
    `Makes what compose.yaml reads from .compose/, unless it is there: tokens of the HTTP API, the key of the managers' secrets, the RabbitMQ URL
of the manager and of each agent, and RabbitMQ's users. Delete the folder and run it again for new ones, then restart all.`,
  ).option('--out <DIR>', 'where the files go', out);
  await runOnce(program, async ({ options }) => {
    const dir = String(options.out);
    const made = await makeComposeSecrets(dir);
    console.log(made.length === 0 ? `all is there in ${dir}` : `made in ${dir}: ${made.join(', ')}`);
    console.log(`the API's tokens: ${join(dir, 'tokens')}`);
  });
}
