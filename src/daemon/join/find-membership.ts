/** Where an agent finds its broker and its cluster: in its options, in its data folder, or by joining. */

import { hostname } from 'node:os';
import { AppError } from '../../errors.ts';
import type { Membership } from '../../model/membership.ts';
import type { ClientTlsFiles, ReadClientTls } from '../../tls/client-tls.ts';
import { openAmqpTls } from '../tls/amqp-tls.ts';
import { joinCluster } from './join-cluster.ts';
import { readMembership, refuseUnwritable, writeMembership } from './membership-file.ts';

export type AgentPlace = {
  cluster: { id: string; name: string };
  node: string;
  amqpUrl: string;
  readTls: ReadClientTls;
};

/** Of the configuration of an agent. */
type Config = {
  amqpUrl: string | null;
  amqpTls: ClientTlsFiles;
  node: string | null;
  clusterId: string | null;
  cluster: string;
  dataDir: string;
  joinUrl: string | null;
  joinToken: string | null;
  ca: string | null;
};

type Options = { signal: AbortSignal; print: (line: string) => void };

/** @throws AppError `config_invalid` · `join_refused` · `join_unreachable` · `pin_mismatch` · the signal's reason */
export async function findMembership(config: Config, options: Options): Promise<AgentPlace> {
  const { amqpUrl, node, clusterId, cluster: name, amqpTls } = config;
  const readFiles = await openAmqpTls(amqpTls);
  if (amqpUrl !== null && node !== null && clusterId !== null) {
    return { cluster: { id: clusterId, name }, node, amqpUrl, readTls: readFiles };
  }
  const membership = (await readOwn(config)) ?? (await join(config, options));
  const joined = membership.amqpCa === null ? {} : { ca: membership.amqpCa };
  // A broker may ask for a certificate as well, and its authority may have been replaced.
  const readTls = async () => ({ ...joined, ...(await readFiles()) });
  const cluster = { id: membership.clusterId, name: membership.cluster };
  return { cluster, node: membership.node, amqpUrl: membership.amqpUrl, readTls };
}

async function readOwn({ dataDir, node, clusterId }: Config): Promise<Membership | null> {
  const found = await readMembership(dataDir);
  if (found === null) return null;
  if (node !== null && node !== found.node) {
    throw new AppError('config_invalid', `${dataDir} is of node ${found.node}, not ${node}: give another --data`);
  }
  if (clusterId !== null && clusterId !== found.clusterId) {
    throw new AppError('config_invalid', `${dataDir} is of cluster ${found.clusterId}, not ${clusterId}`);
  }
  return found;
}

async function join(config: Config, { signal, print }: Options): Promise<Membership> {
  const { joinUrl: url, joinToken: token, ca, dataDir } = config;
  if (url === null) {
    const hint = 'the broker where managers find it; or --join, the manager that lets it in';
    throw new AppError('config_invalid', `--amqp is needed by \`agent\`: ${hint}`);
  }
  if (token === null) {
    throw new AppError('config_invalid', '--join needs --token (CO_JOIN_TOKEN): coctl token create --join');
  }
  const node = config.node ?? nodeOfThisMachine();
  await refuseUnwritable(dataDir);
  const membership = await joinCluster({ url, node, token, ca }, { signal, onWaiting: print });
  await writeMembership(dataDir, membership);
  print(`${node} joined cluster ${membership.cluster} (${membership.clusterId}); its membership is in ${dataDir}`);
  return membership;
}

/** The first label of the host name. @throws AppError `config_invalid`: it cannot be a node's */
function nodeOfThisMachine(): string {
  const [label = ''] = hostname().toLowerCase().split('.');
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) return label;
  throw new AppError('config_invalid', `--node is needed: the host name ${JSON.stringify(label)} is no DNS label`);
}
