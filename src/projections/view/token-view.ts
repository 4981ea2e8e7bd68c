/** A token as the view has it. */

import type { Scope } from '../../model/token.ts';

/** Its text is known to its owner alone; `hash` is the SHA-256 (hex) of it. */
export type TokenView = {
  id: string;
  name: string;
  scopes: readonly Scope[];
  hash: string;
  issuedAt: string;
  /** Actor. */
  issuedBy: string;
  expiresAt: string | null;
};
