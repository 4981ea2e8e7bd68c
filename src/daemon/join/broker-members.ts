/** Keeps the users of a cluster's nodes on RabbitMQ, over its management API. Who is let in is decided in the log, before. */

import { randomBytes } from 'node:crypto';
import type { Management } from '../../bus/rabbitmq/management.ts';
import { agentPermissions, nodeQueue, nodeStreamsQueue } from '../../bus/topology.ts';
import { AppError } from '../../errors.ts';
import type { Members } from '../../http/request/members.ts';

type Options = {
  cluster: { id: string; name: string };
  /** Where agents reach the broker; of its user and password nothing is used. */
  amqpUrl: string;
  /** PEM of its authority; read for each node, so that a new one needs no restart. */
  readAmqpCa: () => Promise<string | null>;
};

/** The tag of users that are nodes of a cluster. RabbitMQ gives no rights for it. */
export const nodeTag = (clusterId: string) => `co-node-${clusterId}`;

export function createBrokerMembers(management: Management, { cluster, amqpUrl, readAmqpCa }: Options): Members {
  const tag = nodeTag(cluster.id);
  const virtualHost = virtualHostOf(amqpUrl);

  /** A node may have the name of an administrator, or of another cluster's node. */
  const refuseTaken = async (node: string) => {
    const found = await management.findUser(node);
    if (!found || found.tags.includes(tag)) return;
    const message = `the broker's user ${node} is no node of this cluster: delete it, or give the node another name`;
    throw new AppError('broker_user_taken', message);
  };

  return {
    refuseTaken,
    async admit(node) {
      await refuseTaken(node);
      const password = randomBytes(24).toString('base64url');
      await management.setPassword(node, password, [tag]);
      await management.grant(node, virtualHost, agentPermissions(node));
      const url = new URL(amqpUrl);
      [url.username, url.password] = [node, password];
      return { clusterId: cluster.id, cluster: cluster.name, node, amqpUrl: url.href, amqpCa: await readAmqpCa() };
    },
    async remove(node) {
      const found = await management.findUser(node);
      if (found?.tags.includes(tag)) await management.deleteUser(node);
      for (const queue of [nodeQueue(node), nodeStreamsQueue(node)]) await management.deleteQueue(queue, virtualHost);
    },
  };
}

/** As RabbitMQ's clients read it: no path is the default one. */
function virtualHostOf(amqpUrl: string): string {
  const { pathname } = new URL(amqpUrl);
  return pathname.length <= 1 ? '/' : decodeURIComponent(pathname.slice(1));
}
