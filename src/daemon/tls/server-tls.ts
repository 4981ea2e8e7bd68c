/** Opens the TLS of a manager as its configuration says. */

import { systemClock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { certificateFiles } from './certificate-files.ts';
import { openOwnAuthority } from './own-authority.ts';
import { openServerCertificate, type ServerCertificates } from './server-certificate.ts';
import { serverNames } from './server-names.ts';
import type { TlsConfig } from './tls-config.ts';

/** Of the configuration of a manager. */
type Where = { tls: TlsConfig | null; host: string; dataDir: string; cluster: string };

type Options = { logger: Logger; onNotice?: ((sentence: string) => void) | undefined };

/** null: plain HTTP. @throws AppError `config_invalid` */
export async function openServerTls(
  { tls, host, dataDir, cluster }: Where,
  { logger, onNotice }: Options,
): Promise<ServerCertificates | null> {
  if (tls === null) return null;
  const { clientCa } = tls;
  if (tls.kind === 'files') {
    return openServerCertificate(certificateFiles(tls, { clock: systemClock }), { logger });
  }
  const names = serverNames(host, tls.names);
  const authority = await openOwnAuthority({ dataDir, cluster, names, clientCa }, { clock: systemClock });
  onNotice?.(`clients trust ${authority.certPath} (--ca), or its fingerprint ${authority.fingerprint}`);
  return openServerCertificate(authority, { logger });
}
