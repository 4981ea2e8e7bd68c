/** Reads what TLS to an engine needs from a folder, as Docker's own clients have it in DOCKER_CERT_PATH. */

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClientTls, readClientTls } from '../../tls/client-tls.ts';

const option = '--docker-tls';

/**
 * null: without TLS, where no folder is given. Otherwise `ca.pem`, and `cert.pem` with `key.pem` unless both are missing: most engines ask for them.
 * @throws AppError `config_invalid`
 */
export async function readDockerTls(dir: string | null, nowMs: number): Promise<ClientTls | null> {
  if (dir === null) return null;
  const [ca, cert, key] = [join(dir, 'ca.pem'), join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const [hasCert, hasKey] = await Promise.all([isThere(cert), isThere(key)]);
  const files = hasCert || hasKey ? { ca, cert, key } : { ca, cert: null, key: null };
  return readClientTls(files, { ca: option, cert: option, key: option }, nowMs);
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
