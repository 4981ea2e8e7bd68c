/** What an agent says of its node when it registers. */

import { type TSchema, Type } from '@sinclair/typebox';
import { HostAccess } from '../../model/host-access.ts';
import { NodeId, Uuid } from '../../model/ids.ts';
import { AgentInstance, EngineDescription, InventoryItem } from '../../model/node.ts';
import { PublicKey } from '../../model/registry.ts';

const object = <T extends Record<string, TSchema>>(members: T) => Type.Object(members, { additionalProperties: false });
const text = (maxLength: number) => Type.String({ maxLength });

export const Registration = object({
  node: NodeId,
  /** The agent's own uuid of the registration; the wanted set that answers it echoes it. */
  registrationId: Uuid,
  /** Not in version 1. Absent: the agent does not say. */
  instance: Type.Optional(AgentInstance),
  /** Not before version 3. Absent: nothing. */
  hostAccess: Type.Optional(HostAccess),
  /** What is sealed for it opens with the key that this process of the agent has. Not before version 3. */
  publicKey: Type.Optional(PublicKey),
  engine: EngineDescription,
  hostname: text(255),
  agentVersion: text(64),
  labels: Type.Array(object({ name: text(63), value: text(255) })),
  /**
   * For the record: of what its engine had, the first 3,000 (`inventoryMax`). Nothing is decided from it, so what is beyond
   * is not taken for gone: the agent compares the wanted set that answers with all its engine has then.
   */
  inventory: Type.Array(InventoryItem),
});
