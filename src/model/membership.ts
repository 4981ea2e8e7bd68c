/** What a worker machine needs to be a node of a cluster: the answer to its join, kept on the machine. */

import { type Static, Type } from '@sinclair/typebox';
import { NodeId, Uuid } from './ids.ts';

export const membershipFields = {
  clusterId: Uuid,
  cluster: Type.String({ minLength: 1, maxLength: 63, description: 'name of the cluster' }),
  node: NodeId,
  amqpUrl: Type.String({
    pattern: '^amqps?://',
    maxLength: 2_048,
    description: 'where the node reaches RabbitMQ, with its user and password',
  }),
  amqpCa: Type.Union([Type.String({ maxLength: 1_048_576 }), Type.Null()], {
    description: 'PEM of the authority of an amqps:// broker; null: one that is known without',
  }),
};

/** Later versions may add members. */
export const Membership = Type.Object(membershipFields);
export type Membership = Static<typeof Membership>;
