/** `./bootstrap/node`: asks the `up` that runs on the data to take a worker away or bring it back. */

import { toConfig } from '../../../src/daemon/config.ts';
import { AppError } from '../../../src/errors.ts';
import { createProgram, runOnce } from '../../../src/process/arguments.ts';
import { sendRequest } from './socket.ts';
import type { NodeRequest } from './switch.ts';

const program = createProgram(
  './bootstrap/node',
  'Takes a worker of this machine away from a cluster that ./bootstrap/up runs, to see what the cluster does about it.',
)
  .argument('[command]', 'list, down or back')
  .argument('[node]', 'a worker, for down and back')
  .option('--kill-containers', 'with down: its containers end too, as if its machine had lost its power')
  .option('--data <DIR>', 'CO_DATA_DIR  the data that `up` runs on (default ./data)')
  .addHelpText(
    'after',
    `
Commands
  list       the workers, each up or down
  down NODE  stops sending heartbeats at once, as if its machine had lost its network. Its containers go on running on the shared
             engine until it is back, like those of a machine that cannot be reached
  back NODE  comes back as a new agent; returns when it is ready. A new \`up\` brings all of them back

Exit codes
  0  done, or it was so already
  1  no \`up\` runs on the data, or it could not be done
  2  wrong usage: no such command, no such worker`,
  );

async function ask(
  args: readonly string[],
  { data, killContainers }: Readonly<Record<string, unknown>>,
): Promise<void> {
  const request = toRequest(args, killContainers === true);
  const { dataDir } = toConfig(data === undefined ? {} : { data: String(data) }, process.env);
  for (const line of await sendRequest(dataDir, request)) console.log(line);
}

const given = process.argv.slice(2);
await runOnce(program, ask, given.length === 0 ? ['--help'] : given);

function toRequest([command, node]: readonly string[], killContainers: boolean): NodeRequest {
  if (command === 'down' && node !== undefined) return { command, node, killContainers };
  if (command === 'back' && node !== undefined && !killContainers) return { command, node };
  if (command === 'list' && node === undefined && !killContainers) return { command };
  throw new AppError(
    'config_invalid',
    'it is one of: list, down NODE [--kill-containers], back NODE; --help says more',
  );
}
