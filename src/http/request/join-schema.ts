/** The bodies of /join. */

import { type Static, Type } from '@sinclair/typebox';
import { NodeId } from '../../model/ids.ts';
import { membershipFields } from '../../model/membership.ts';
import { named, strict } from '../schema/schema.ts';

export const JoinBody = Type.Object({ node: NodeId }, { ...strict, examples: [{ node: 'worker-6' }] });

export const JoinedNode = named('JoinedNode', {
  position: Type.Integer({ minimum: 1, description: 'of the event in the log' }),
  ...membershipFields,
});
export type JoinedNode = Static<typeof JoinedNode>;
