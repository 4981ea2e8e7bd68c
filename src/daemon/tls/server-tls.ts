/** Opens the TLS of a manager as its configuration says. */

import { systemClock } from '../../clock.ts';
import { isLoopback } from '../../http/request/origin.ts';
import type { ServerTls } from '../../http/server-tls.ts';
import type { Logger } from '../../logger.ts';
import type { Closing } from '../../process/shutdown.ts';
import { certificateFiles } from './certificate-files.ts';
import { openOwnAuthority } from './own-authority.ts';
import { type CertificateSource, openServerCertificate } from './server-certificate.ts';
import { serverNames } from './server-names.ts';
import type { TlsConfig } from './tls-config.ts';

/** Of the configuration of a manager. */
type Where = { tls: TlsConfig | null; host: string; dataDir: string; cluster: string };

type Options = {
  logger: Logger;
  onNotice?: ((sentence: string) => void) | undefined;
  closing: Closing<'work'>;
  metrics: { watchCertificate(current: () => { cert: string }): void };
};

/** Ends with the manager's work. null: plain HTTP. @throws AppError `config_invalid` */
export async function openServerTls(where: Where, options: Options): Promise<ServerTls | null> {
  const { logger, closing, metrics } = options;
  const source = await findSource(where, options);
  if (source === null) return null;
  const certificate = await openServerCertificate(source, { logger });
  closing.add('work', 'tls', () => certificate.close());
  metrics.watchCertificate(certificate.current);
  return certificate;
}

async function findSource(
  { tls, host, dataDir, cluster }: Where,
  { onNotice }: Pick<Options, 'onNotice'>,
): Promise<CertificateSource | null> {
  if (tls === null) {
    if (!isLoopback(host))
      onNotice?.('tokens cross the network as plain text, unless a proxy serves HTTPS: --tls auto does');
    return null;
  }
  if (tls.kind === 'files') return certificateFiles(tls, { clock: systemClock });
  const names = serverNames(host, tls.names);
  const { clientCa } = tls;
  const authority = await openOwnAuthority({ dataDir, cluster, names, clientCa }, { clock: systemClock });
  onNotice?.(`clients trust ${authority.certPath} (--ca), or its fingerprint ${authority.fingerprint}`);
  return authority;
}
