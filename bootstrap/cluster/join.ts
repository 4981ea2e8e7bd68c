/** `./bootstrap/join`: makes a RabbitMQ user for a worker machine or a manager, and the line to start it with. */

import { randomBytes } from 'node:crypto';
import { Value } from '@sinclair/typebox/value';
import { Option } from 'commander';
import { createManagement, type Management } from '../../src/bus/rabbitmq/management.ts';
import { agentPermissions, managerPermissions } from '../../src/bus/topology.ts';
import { nodeTag } from '../../src/daemon/join/broker-members.ts';
import { AppError } from '../../src/errors.ts';
import { NodeId, Uuid } from '../../src/model/ids.ts';
import { createProgram, describeExamples, describeSetting, runOnce } from '../../src/process/arguments.ts';
import { virtualHost as virtualHostDefault } from '../rabbitmq/definitions.ts';

const program = createProgram(
  './bootstrap/join',
  `Makes a user on RabbitMQ, of the node's or manager's name, with exactly the permissions it needs, and prints how to start it. Repeating it
repairs the permissions and keeps the password.`,
)
  .option('--node <ID>', 'the worker machine: a DNS label of its own in the cluster')
  .option('--manager <NAME>', 'a user for managers instead')
  .option(
    '--cluster-id <UUID>',
    describeSetting('GET /state of a manager has it, as cluster.id', { env: 'CO_CLUSTER_ID' }),
  )
  .optionsGroup('RabbitMQ:')
  .option(
    '--admin <URL>',
    describeSetting('http://user:password@host:15672, an administrator of the management API', {
      env: 'CO_AMQP_ADMIN_URL',
    }),
  )
  .option(
    '--amqp <URL>',
    describeSetting('where the new one will connect; its user, password and virtual host are not used', {
      fallback: 'the same host, port 5672',
      env: 'CO_AMQP_URL',
    }),
  )
  .addOption(new Option('--vhost <NAME>', 'the virtual host').default(virtualHostDefault, virtualHostDefault))
  .option('--new-password', 'makes one also when it has one')
  .optionsGroup('')
  .addHelpText(
    'after',
    `
Exit codes:
  0  done
  1  the broker refused or was away
  2  wrong usage: the message names the option and the rule
${describeExamples('./bootstrap/join', [
  ['--node worker-6 --cluster-id 5c9a1f0e-7d43-4b86-9f21-0e6d3a8b7c15', 'with CO_AMQP_ADMIN_URL'],
  ['--manager manager-2', 'a user for another manager'],
])}`,
  );

await runOnce(program, ({ options }) => join(options as Given, process.env));

type Given = {
  node?: string;
  manager?: string;
  clusterId?: string;
  admin?: string;
  amqp?: string;
  vhost: string;
  newPassword?: boolean;
};

async function join(given: Given, environment: NodeJS.ProcessEnv): Promise<void> {
  const user = given.node ?? given.manager;
  if (user === undefined || (given.node !== undefined && given.manager !== undefined)) {
    throw new AppError('config_invalid', 'give --node or --manager, one of them');
  }
  if (!Value.Check(NodeId, user)) {
    throw new AppError(
      'config_invalid',
      '--node and --manager must be a DNS label: a-z, 0-9 and -, at most 63 characters',
    );
  }
  const clusterId = given.clusterId ?? environment.CO_CLUSTER_ID ?? '';
  if (given.node !== undefined && !Value.Check(Uuid, clusterId)) {
    throw new AppError('config_invalid', '--cluster-id must be a uuid: GET /state of a manager has it, as cluster.id');
  }
  const admin = parseUrl('--admin', given.admin ?? environment.CO_AMQP_ADMIN_URL, /^https?:$/);
  const broker = given.amqp ?? environment.CO_AMQP_URL ?? `amqp://${admin.hostname}:5672`;
  const amqp = parseUrl('--amqp', broker, /^amqps?:$/);

  const management = createManagement(admin);
  const tags = given.node === undefined ? [] : [nodeTag(clusterId)];
  const password = await ensureUser(management, { user, tags }, given.newPassword === true);
  const permissions = given.node === undefined ? managerPermissions : agentPermissions(given.node);
  await management.grant(user, given.vhost, permissions);

  const shownPassword = password ?? 'PASSWORD';
  const url = `${amqp.protocol}//${user}:${shownPassword}@${amqp.host}/${encodeURIComponent(given.vhost)}`;
  console.error(`user ${user} may do its part in ${given.vhost} at ${management.address}`);
  if (password === null) console.error('it keeps its password, which only it knows; --new-password makes another');
  const environmentLine = `CO_AMQP_URL=${url}`;
  if (given.node === undefined) console.log(`${environmentLine} CO_MONGODB_URL=… node src/main.ts manager`);
  else console.log(`${environmentLine} CO_CLUSTER_ID=${clusterId} node src/main.ts agent --node ${user}`);
}

/** @returns the new password; null: it has one and keeps it */
async function ensureUser(
  management: Management,
  { user, tags }: { user: string; tags: string[] },
  isRenewed: boolean,
): Promise<string | null> {
  if (!isRenewed && (await management.findUser(user))) return null;
  const password = randomBytes(24).toString('base64url');
  await management.setPassword(user, password, tags);
  return password;
}

function parseUrl(option: string, text: string | undefined, protocol: RegExp): URL {
  const url = text ? URL.parse(text) : null;
  if (url && protocol.test(url.protocol) && url.hostname !== '') return url;
  // What was given may hold a password.
  throw new AppError('config_invalid', `${option} must be a URL; ./bootstrap/join --help shows one`);
}
