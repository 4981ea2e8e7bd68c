/** Opens what lets nodes in, as the configuration of a manager says. */

import type { Members } from '../../http/request/members.ts';
import type { ReadClientTls } from '../../tls/client-tls.ts';

type Where = { amqpUrl: string | null; amqpAgentUrl: string | null; amqpManagementUrl: string | null };
type Deps = { cluster: { id: string; name: string }; readTls: ReadClientTls };

/** null: nodes get their users by hand. @throws AppError `config_invalid` */
export async function openMembers(
  { amqpUrl, amqpAgentUrl, amqpManagementUrl }: Where,
  { cluster, readTls }: Deps,
): Promise<Members | null> {
  if (amqpManagementUrl === null || amqpUrl === null) return null;
  const [{ createManagement }, { createBrokerMembers }, { createTlsFetch }] = await Promise.all([
    import('../../bus/rabbitmq/management.ts'),
    import('./broker-members.ts'),
    import('../../tls/tls-fetch.ts'),
  ]);
  const url = new URL(amqpManagementUrl);
  const { fetch } = await createTlsFetch(url.protocol === 'https:' ? await readTls() : {});
  const management = createManagement(url, { fetch, option: '--amqp-management' });
  const readAmqpCa = async () => (await readTls()).ca ?? null;
  return createBrokerMembers(management, { cluster, amqpUrl: amqpAgentUrl ?? amqpUrl, readAmqpCa });
}
