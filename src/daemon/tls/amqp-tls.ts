/** TLS to the broker from the files of the configuration: read at the start, so that a refusal ends it, and for each connection. */

import { systemClock } from '../../clock.ts';
import { type ClientTlsFiles, type ReadClientTls, readClientTls } from '../../tls/client-tls.ts';

const options = { ca: '--amqp-ca', cert: '--amqp-cert', key: '--amqp-key' };

/** @throws AppError `config_invalid` */
export async function openAmqpTls(files: ClientTlsFiles): Promise<ReadClientTls> {
  const read = () => readClientTls(files, options, systemClock.nowMs());
  await read();
  return read;
}
