/** The broker's side of membership, as the routes need it: the user of a node, which is made when it joins. */

import type { Membership } from '../../model/membership.ts';

export type Members = {
  /**
   * Changes nothing.
   * @throws AppError `broker_user_taken`: the broker has a user of that name that is no node of this cluster · `broker_unavailable`
   */
  refuseTaken(node: string): Promise<void>;
  /** Its user gets a new password, and a node's permissions. @throws AppError `broker_unavailable` */
  admit(node: string): Promise<Membership>;
  /** Its user and its queue, if there are any; the connection of its agent ends. @throws AppError `broker_unavailable` */
  remove(node: string): Promise<void>;
};
