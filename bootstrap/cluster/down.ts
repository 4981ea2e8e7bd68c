/** `./bootstrap/down`: removes what a cluster left on this machine's engine, and, with --purge, its data. */

import { access } from 'node:fs/promises';
import { readDockerTls } from '../../src/agent/docker/docker-tls.ts';
import { systemClock } from '../../src/clock.ts';
import { givenOptions, toConfig } from '../../src/daemon/config.ts';
import { type FolderNote, lockDataFolder } from '../../src/daemon/data-folder.ts';
import { AppError } from '../../src/errors.ts';
import { createProgram, describeExamples, describeSetting, runOnce } from '../../src/process/arguments.ts';
import type { ClientTls } from '../../src/tls/client-tls.ts';
import { connectDocker, whyNoAnswer } from './engine/docker-client.ts';
import { findOwnDockerd, stopOwnDockerd } from './engine/own-dockerd.ts';
import { removeContainers } from './engine/remove-containers.ts';
import { purgeDataFolder } from './purge.ts';
import { withDockerHost } from './up-options.ts';

const program = createProgram(
  './bootstrap/down',
  `Stops and removes the containers of the cluster whose data is in --data. Its history stays, and the next ./bootstrap/up goes on with it: what
is still desired is started again. A log in MongoDB and queues in RabbitMQ are not touched.`,
)
  .option('--data <DIR>', describeSetting('the data of the cluster', { fallback: './data', env: 'CO_DATA_DIR' }))
  .option(
    '--cluster <NAME>',
    describeSetting('without data: the containers of whatever cluster has this name', { env: 'CO_CLUSTER' }),
  )
  .option(
    '--docker <ADDRESS>',
    describeSetting('where they are', {
      fallback: 'where `up` found it, or /var/run/docker.sock',
      env: 'CO_DOCKER_HOST',
    }),
  )
  .option(
    '--docker-tls <DIR>',
    describeSetting('TLS to it: ca.pem, cert.pem and key.pem', { env: 'CO_DOCKER_CERT_PATH' }),
  )
  .option(
    '--purge',
    'deletes the data too: the embedded log, and with it the history. Ends the Docker daemon that `up` started, when nothing else runs on it',
  )
  .addHelpText(
    'after',
    `
Exit codes:
  0  done, or there was nothing to do
  1  something could not be removed, or the cluster still runs
  2  wrong usage: the message names the option and the rule
${describeExamples('./bootstrap/down', [
  ['', 'what ./bootstrap/up left'],
  ['--purge', 'and its history'],
  ['--data shop', 'of another cluster'],
  ['--cluster shop', 'where its data is gone already'],
])}`,
  );

const print = (line: string) => console.log(line);

await runOnce(program, ({ options }) => down(options));

type Given = { data?: string; cluster?: string; docker?: string; dockerTls?: string; purge?: boolean };

async function down({ purge = false, ...given }: Given): Promise<void> {
  const environment = withDockerHost(process.env);
  const { dataDir, dockerAddress, dockerCertPath } = toConfig(givenOptions(given), environment);
  const tls = await readDockerTls(dockerCertPath, systemClock.nowMs());
  const cluster = given.cluster ?? (process.env.CO_CLUSTER || null);
  const address = (given.docker ?? environment.CO_DOCKER_HOST) ? dockerAddress : null;
  const isThere = await access(dataDir).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    if (cluster !== null) return void (await removeAt(address ?? dockerAddress, tls, { cluster }));
    return print(`there is no data at ${dataDir}; --cluster NAME removes containers by the name of their cluster`);
  }
  const folder = await lockDataFolder(dataDir);
  try {
    const note = await folder.readNote();
    await removeNoted(note, { dataDir, cluster, address, dockerAddress, tls });
    await folder.forget();
    if (purge) await endOwnDockerd(dataDir, note);
  } finally {
    await folder.release();
  }
  if (purge) await purgeAndSay(dataDir);
}

type Where = {
  dataDir: string;
  cluster: string | null;
  address: string | null;
  dockerAddress: string;
  tls: ClientTls | null;
};

async function removeNoted(note: FolderNote | null, { dataDir, cluster, address, dockerAddress, tls }: Where) {
  if (note === null) {
    if (cluster !== null) return removeAt(address ?? dockerAddress, tls, { cluster });
    return print(`no cluster of ${dataDir} left containers; --cluster NAME removes some by the name of their cluster`);
  }
  if (cluster !== null && cluster !== note.cluster) {
    throw new AppError('config_invalid', `--cluster is ${cluster}, but the data at ${dataDir} is of ${note.cluster}`);
  }
  const where = address ?? note.docker;
  if (where === null) return print(`cluster ${note.cluster} ran on a simulated engine: it left no containers`);
  await removeAt(where, tls, { clusterId: note.clusterId });
}

async function removeAt(
  address: string,
  tls: ClientTls | null,
  of: { clusterId: string } | { cluster: string },
): Promise<void> {
  const silence = await whyNoAnswer(address, tls);
  if (silence !== null) {
    const hint = 'start it and try again, or give --docker; nothing was removed';
    throw new AppError('engine_unavailable', `the Docker Engine at ${address} does not answer, ${silence}: ${hint}`);
  }
  const onRemoved = (container: string, done: number, total: number) =>
    print(`removed ${container} (${done}/${total})`);
  const removed = await removeContainers(connectDocker(address, tls), { of, onRemoved });
  const whose = 'clusterId' in of ? `of cluster id ${of.clusterId}` : `of cluster ${of.cluster}`;
  print(removed === 0 ? `no containers ${whose} are left` : `${removed} containers ${whose} removed`);
}

async function endOwnDockerd(dataDir: string, note: FolderNote | null): Promise<void> {
  const pid = await findOwnDockerd(dataDir);
  if (pid === null) return;
  const others = await connectDocker(note?.docker ?? '/var/run/docker.sock').listContainers();
  if (others.length > 0) {
    return print(`dockerd (process ${pid}) goes on: ${others.length} containers of others run on it`);
  }
  print(`stopping dockerd (process ${pid}) …`);
  if (!(await stopOwnDockerd(dataDir)))
    throw new AppError('engine_unavailable', `dockerd (process ${pid}) did not end`);
}

async function purgeAndSay(dataDir: string): Promise<void> {
  const { deleted, left } = await purgeDataFolder(dataDir);
  print(`deleted from ${dataDir}: ${deleted.join(', ') || 'nothing'}`);
  if (left.length > 0) print(`left in ${dataDir}: ${left.join(', ')}`);
}
