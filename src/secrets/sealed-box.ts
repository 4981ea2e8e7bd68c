/**
 * Seals bytes for the holder of one X25519 key pair: an ephemeral pair for each box, HKDF-SHA-256 over the shared secret,
 * AES-256-GCM. What a box is for is bound into it: it does not open as anything else.
 */

import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { AppError } from '../errors.ts';

export type BoxKeys = {
  /** 32 bytes as base64url; anyone may know it. */
  publicKey: string;
  /** @throws AppError `box_not_opened`: it is another's, for another purpose, or was changed */
  open(box: string, purpose: Purpose): Buffer;
};

/** What the box is for, in every detail that must not be exchanged for another. */
export type Purpose = readonly (string | number)[];

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** The private key stays in this process. */
export function createBoxKeys(): BoxKeys {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const ownKey = toRaw(publicKey);
  return {
    publicKey: ownKey.toString('base64url'),
    open(box, purpose) {
      try {
        return openBox(Buffer.from(box, 'base64'), { privateKey, ownKey }, purpose);
      } catch (error) {
        throw new AppError('box_not_opened', 'it was sealed for another key or purpose, or was changed', {
          cause: error,
        });
      }
    },
  };
}

/**
 * @param recipient the public key of the one who opens it
 * @throws AppError `box_key_invalid`: no secret can be shared with such a key
 */
export function sealBox(content: Buffer, recipient: string, purpose: Purpose): string {
  const recipientKey = Buffer.from(recipient, 'base64url');
  const ephemeral = generateKeyPairSync('x25519');
  const ephemeralKey = toRaw(ephemeral.publicKey);
  const { key, nonce } = deriveKey(shareSecret(ephemeral.privateKey, recipientKey), {
    ephemeralKey,
    recipientKey,
    purpose,
  });
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(toBytes(purpose));
  const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
  return Buffer.concat([ephemeralKey, cipher.getAuthTag(), sealed]).toString('base64');
}

function openBox(
  box: Buffer,
  { privateKey, ownKey }: { privateKey: KeyObject; ownKey: Buffer },
  purpose: Purpose,
): Buffer {
  const ephemeralKey = box.subarray(0, keyBytes);
  const secret = diffieHellman({ privateKey, publicKey: fromRaw(ephemeralKey) });
  const { key, nonce } = deriveKey(secret, { ephemeralKey, recipientKey: ownKey, purpose });
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    .setAAD(toBytes(purpose))
    .setAuthTag(box.subarray(keyBytes, keyBytes + tagBytes));
  return Buffer.concat([decipher.update(box.subarray(keyBytes + tagBytes)), decipher.final()]);
}

function shareSecret(privateKey: KeyObject, recipientKey: Buffer): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey: fromRaw(recipientKey) });
  } catch (error) {
    throw new AppError('box_key_invalid', 'it is no public key of X25519', { cause: error });
  }
}

type KeyInput = { ephemeralKey: Buffer; recipientKey: Buffer; purpose: Purpose };

/** Both public keys are part of it, so each box has a key of its own, and with it a nonce. */
function deriveKey(secret: Buffer, { ephemeralKey, recipientKey, purpose }: KeyInput): { key: Buffer; nonce: Buffer } {
  const salt = Buffer.concat([ephemeralKey, recipientKey]);
  const derived = Buffer.from(hkdfSync('sha256', secret, salt, toBytes(['co box', ...purpose]), keyBytes + nonceBytes));
  return { key: derived.subarray(0, keyBytes), nonce: derived.subarray(keyBytes) };
}

/** HKDF takes 1,024 bytes of it; JSON keeps the parts apart. */
const toBytes = (purpose: Purpose) => Buffer.from(JSON.stringify(purpose));

const toRaw = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url');

const fromRaw = (bytes: Buffer): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: bytes.toString('base64url') }, format: 'jwk' });
