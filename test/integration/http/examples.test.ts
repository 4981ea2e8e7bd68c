/** Every example of the OpenAPI document is a request that a manager answers as the document says, and not by a refusal. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import type { Members } from '../../../src/http/request/members.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import {
  createAnswerCheck,
  type ExampleCall,
  exampleCallsOf,
  type OpenApiDocument,
  operationsOf,
} from '../../support/http/open-api.ts';
import { appendLoss, appendSeeds } from '../../support/http/seeds.ts';
import { openTestVault } from '../../support/secrets.ts';

const test = suite('examples of the OpenAPI document');

const rollout = { service: 'web', from: 1, to: 2 };
const onWeb = { stream: streams.service('web'), meta: { actor: 'controller', causationId: null } } as const;
const pausedRollout: NewEvent = {
  ...onWeb,
  type: 'RolloutPaused',
  data: { ...rollout, why: 'failures', reason: 'it failed', container: null, failures: 2 },
};

/** What has to be so before an example makes sense. @returns headers that no example can have */
const preparations: Record<string, (api: TestApi) => Promise<Record<string, string>>> = {
  async removeNode(api) {
    await api.projector.waitFor(await appendLoss(api.log));
    return {};
  },
  async revokeToken(api) {
    await api.call('POST', '/token', { body: { name: 'ci', scopes: ['read'] } });
    return {};
  },
  async removeRegistryLogin(api) {
    await api.call('PUT', '/registry/registry.example:5000', { body: { username: 'a', password: 'b' } });
    return {};
  },
  pauseRollout: (api) => startRollout(api),
  promoteRollout: (api) => startRollout(api),
  abortRollout: (api) => startRollout(api),
  resumeRollout: (api) => startRollout(api, pausedRollout),
  readContainerLogs: (api) => runOnEngine(api),
  readServiceLogs: (api) => runOnEngine(api),
  readContainerStats: (api) => runOnEngine(api),
  async joinCluster(api) {
    const { body } = await api.call('POST', '/token', { body: { name: 'ci', scopes: ['join'] } });
    return { authorization: `Bearer ${body.text}` };
  },
};

/** What runs by the log also runs on the engine of its node. */
async function runOnEngine(api: TestApi): Promise<Record<string, string>> {
  await api.agent.run('web.1-4m');
  return {};
}

/** A rollout of web is under way. */
async function startRollout(api: TestApi, ...more: NewEvent[]): Promise<Record<string, string>> {
  const hashes = { fromSpecHash: '0'.repeat(16), specHash: '1'.repeat(16) };
  const started: NewEvent = { ...onWeb, type: 'RolloutStarted', data: { ...rollout, ...hashes } };
  const { last } = await api.log.append([started, ...more]);
  await api.projector.waitFor(last);
  return {};
}

const members: Members = {
  async refuseTaken() {},
  async admit(node) {
    const clusterId = '11111111-1111-4111-8111-111111111111';
    return { clusterId, cluster: 'test', node, amqpUrl: 'amqp://u:p@b', amqpCa: null };
  },
  async remove() {},
};

async function withApi<T>(use: (api: TestApi) => Promise<T>): Promise<T> {
  // Nothing sends heartbeats here, so every node is silent for longer.
  const { vault, close } = await openTestVault();
  const api = await startApi(await openMemoryLog(), { nodeTimeoutMs: 0, members, vault, agent: { isAnswering: true } });
  try {
    await api.projector.waitFor(await appendSeeds(api.log));
    return await use(api);
  } finally {
    await api.close();
    await api.log.close();
    await close();
  }
}

const document: OpenApiDocument = await withApi(async (api) => (await api.call('GET', '/docs/json')).body);
const operations = operationsOf(document);
const check = createAnswerCheck(document);

test('only what needs a secret, or a WebSocket, has no example', () => {
  const without = operations.filter((named) => exampleCallsOf(document, named) === null);
  assert.equal(
    without.map(({ operation }) => operation.operationId),
    ['execInContainer', 'logIn'],
  );
});

const describe = (method: string, { path, headers, body }: ExampleCall) =>
  [method, path, ...Object.entries(headers).flat(), body === undefined ? '' : JSON.stringify(body)].join(' ').trim();

for (const named of operations) {
  const { method, operation } = named;
  for (const call of exampleCallsOf(document, named) ?? []) {
    test(describe(method, call), () =>
      withApi(async (api) => {
        const { path, body } = call;
        const headers = { ...call.headers, ...(await preparations[operation.operationId]?.(api)) };
        const answer = await api.call(method, path, body === undefined ? { headers } : { headers, body });
        assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
        assert.equal(check(operation, answer), []);
      }),
    );
  }
}

test.run();
