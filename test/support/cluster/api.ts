/** Talks to a running cluster in tests as an operator would: its HTTP API and nothing else. */

import type { LogEvent } from '../../../src/events/schema/event.ts';
import type {
  ContainerStateBody,
  NodeStateBody,
  ServiceStateBody,
} from '../../../src/projections/rows/state-bodies.ts';
import { callApi } from '../http/http.ts';
import { until } from '../wait.ts';

export type SpecRequest = { serviceName: string; replicas: number; image: string; container?: Record<string, unknown> };

export type Api = ReturnType<typeof createApi>;

export function createApi(url: string) {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await callApi(url, 'GET', path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
    return answer.body as T;
  };
  const service = async (name: string) =>
    (await get<ServiceStateBody>(`/service_state?service=${name}`)).services[0] ?? null;
  const containers = async (name: string, more = '') =>
    (await get<ContainerStateBody>(`/container_state?service=${name}${more}`)).containers;

  return {
    url,
    get,
    call: (method: string, path: string, body?: unknown) =>
      callApi(url, method, path, body === undefined ? {} : { body }),
    async ask({ serviceName, replicas, image, container = {} }: SpecRequest) {
      const requested = { serviceName, replicas, container: { name: serviceName, image, ...container } };
      const answer = await callApi(url, 'POST', '/service', { body: { services: [requested] } });
      if (answer.status !== 202) throw new Error(`POST /service: ${answer.status} ${answer.text}`);
      return answer.body as {
        position: number;
        services: { serviceName: string; generation: number; changed: boolean }[];
      };
    },
    service,
    containers,
    nodes: async () => (await get<NodeStateBody>('/node_state')).nodes,
    converged: (name: string, deadlineMs = 30_000) =>
      until(
        `${name} converges`,
        async () => {
          const found = await service(name);
          return found?.status === 'converged' || found?.status === 'completed' ? found : null;
        },
        deadlineMs,
      ),
    gone: (name: string, deadlineMs = 30_000) =>
      until(`${name} is gone`, async () => (await service(name)) === null, deadlineMs),
    /** Every event that matches, oldest first. */
    async events(query = ''): Promise<LogEvent[]> {
      const found: LogEvent[] = [];
      for (let after: number | null = 0; after !== null; ) {
        const page: { events: LogEvent[]; next: number | null } = await get(
          `/events?limit=1000&after=${after}${query === '' ? '' : `&${query}`}`,
        );
        found.push(...page.events);
        after = page.next;
      }
      return found;
    },
  };
}
