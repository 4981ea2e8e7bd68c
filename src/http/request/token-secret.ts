/** Makes the text of a token: shown to its owner once, and kept nowhere. Of it the log has only a hash. */

import { createHash, randomBytes } from 'node:crypto';
import { tokenText } from '../../model/token.ts';

/** `hash`: SHA-256 (hex) of `text`. */
export type TokenSecret = { id: string; text: string; hash: string };

export function createTokenSecret(): TokenSecret {
  const id = randomBytes(6).toString('hex');
  const text = tokenText(id, randomBytes(32).toString('base64url'));
  return { id, text, hash: createHash('sha256').update(text).digest('hex') };
}
