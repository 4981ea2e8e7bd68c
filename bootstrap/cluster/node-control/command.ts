/** Owns `./bootstrap/node`: asks the `up` that runs on the data to let a worker fall silent or come back. */

import { parseArgs } from 'node:util';
import { readConfig } from '../../../src/daemon/config.ts';
import { AppError, errorMessage } from '../../../src/errors.ts';
import { exitCodeOf, exitMessage } from '../../../src/process/lifecycle.ts';
import { sendRequest } from './socket.ts';
import type { NodeRequest } from './switch.ts';

const help = `Usage: ./bootstrap/node COMMAND [OPTIONS]

Takes a worker of this machine away from a cluster that ./bootstrap/up runs, to see what the cluster does about it.

Commands
  list                      the workers, each up or down
  down NODE                 falls silent at once, as if its machine had lost its network: no goodbye. Its containers go
                            on running on the shared engine until it is back, like those of a machine nobody reaches
  back NODE                 comes back as a new agent; returns when it is ready. A new \`up\` brings all of them back

Options
  --kill-containers         with down: its containers end too, as if its machine had lost its power
  --data DIR                CO_DATA_DIR           the data that \`up\` runs on (default ./data)
  --help

Exit codes
  0  done, or it was so already
  1  no \`up\` runs on the data, or it could not be done
  2  told something wrong: no such command, no such worker
`;

try {
  const flag = { type: 'boolean' } as const;
  const options = { data: { type: 'string' }, 'kill-containers': flag, help: { ...flag, short: 'h' } } as const;
  const { values, positionals } = parse(() => parseArgs({ options, allowPositionals: true }));
  if (values.help || positionals.length === 0) process.stdout.write(help);
  else {
    const request = toRequest(positionals, values['kill-containers'] ?? false);
    const { dataDir } = readConfig(values.data === undefined ? [] : [`--data=${values.data}`], process.env);
    for (const line of await sendRequest(dataDir, request)) console.log(line);
  }
} catch (error) {
  process.stderr.write(`${exitMessage(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

function toRequest([command, node, ...more]: string[], killContainers: boolean): NodeRequest {
  const isWhole = node !== undefined && more.length === 0;
  if (command === 'down' && isWhole) return { command, node, killContainers };
  if (command === 'back' && isWhole && !killContainers) return { command, node };
  if (command === 'list' && node === undefined && !killContainers) return { command };
  throw new AppError(
    'config_invalid',
    'it is one of: list, down NODE [--kill-containers], back NODE; --help says more',
  );
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new AppError('config_invalid', errorMessage(error), { cause: error });
  }
}
