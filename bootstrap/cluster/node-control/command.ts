/** `./bootstrap/node`: asks the `up` that runs on the data to take a worker away or bring it back. */

import { toConfig } from '../../../src/daemon/config.ts';
import {
  createProgram,
  describeExamples,
  describeSetting,
  type Given,
  runOnce,
} from '../../../src/process/arguments.ts';
import { sendRequest } from './socket.ts';
import type { NodeRequest } from './switch.ts';

const program = createProgram(
  './bootstrap/node',
  'Takes a worker of this machine away from a cluster that ./bootstrap/up runs, to see what the cluster does about it.',
)
  .helpCommand(false)
  .configureHelp({ showGlobalOptions: true })
  .option('--data <DIR>', describeSetting('the data that `up` runs on', { fallback: './data', env: 'CO_DATA_DIR' }))
  .addHelpText(
    'afterAll',
    `
Exit codes:
  0  done, or it was so already
  1  no \`up\` runs on the data, or it could not be done
  2  wrong usage: no such command, no such worker
${describeExamples('./bootstrap/node', [
  ['list', 'which workers there are'],
  ['down worker-2', 'its machine has lost its network'],
  ['down worker-2 --kill-containers', 'its machine has lost its power'],
  ['back worker-2', 'and has it again'],
])}`,
  );
program.command('list').description('The workers, each up or down');
program
  .command('down <node>')
  .description(
    'Stops sending heartbeats at once, as if its machine had lost its network; its containers run on until it is back',
  )
  .option('--kill-containers', 'its containers end too, as if its machine had lost its power');
program
  .command('back <node>')
  .description('Comes back as a new agent; returns when it is ready. A new `up` brings all of them back');

const given = process.argv.slice(2);
await runOnce(program, ask, given.length === 0 ? ['--help'] : given);

async function ask({ command, args, options }: Given): Promise<void> {
  const { data, killContainers } = options;
  const { dataDir } = toConfig(data === undefined ? {} : { data: String(data) }, process.env);
  // What goes with which command the parser has checked.
  const request = { command, node: args[0], killContainers: killContainers === true } as NodeRequest;
  for (const line of await sendRequest(dataDir, request)) console.log(line);
}
