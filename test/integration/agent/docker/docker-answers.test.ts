/** What the engine makes of answers of Docker that break off, never end, or refuse because Docker is going down. */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerEngine } from '../../../../src/agent/docker/docker-engine.ts';
import type { Engine } from '../../../../src/agent/engine/engine.ts';
import { systemClock } from '../../../../src/clock.ts';
import { AppError, hasCode } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { spec, specHashOf } from '../../../support/log/history.ts';

const test = suite('answers of docker');

/** A daemon that answers everything in one way. */
const answering = (
  sentence: string,
  answer: (response: ServerResponse) => void,
  body: (engine: Engine) => Promise<void>,
) =>
  test(sentence, async () => {
    const server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const scope = { clusterId: '00000000-0000-4000-8000-000000000000', clusterName: 'test', node: 'a' };
    const engine = createDockerEngine(
      { clock: systemClock, logger: silentLogger },
      { scope, address: `tcp://127.0.0.1:${port}` },
    );
    try {
      await body(engine);
    } finally {
      await engine.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => null,
    (error: unknown) => error,
  );

const breakOff = (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"Id":', () => response.destroy());
};

answering('an answer that breaks off is none, at once', breakOff, async (engine) => {
  const startedMs = performance.now();
  const calls = [engine.inspect('web.1-a'), engine.list(), engine.describe(), engine.findImage('nginx')];
  for (const error of await Promise.all(calls.map(errorOf))) {
    assert.ok(hasCode(error, 'engine_unavailable'), String(error));
  }
  assert.ok(performance.now() - startedMs < 2_000);
});

const refusing = (words: string) => (response: ServerResponse) => {
  response.writeHead(500, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ message: words }));
};

const requested = spec();
const request = {
  ...{ container: 'web.1-a', service: 'web', slot: 1, generation: 1, specHash: specHashOf(requested) },
  ...{ spec: requested, image: requested.image, env: [] },
};

for (const words of [
  'grpc: the client connection is closing: context canceled',
  'failed to update store for object type *libnetwork.endpoint: open : no such file or directory',
]) {
  answering(`a daemon that goes down is away: ${words}`, refusing(words), async (engine) => {
    const error = await errorOf(engine.create(request));
    assert.ok(hasCode(error, 'engine_unavailable'), String(error));
  });
}

answering('any other refusal is about the container', refusing('invalid mount config'), async (engine) => {
  const error = await errorOf(engine.create(request));
  assert.ok(hasCode(error, 'container_create_failed'), String(error));
});

const failingPull = (words: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ status: 'Pulling' })}\n${JSON.stringify({ error: words })}\n`);
};

/** As Docker Hub, GHCR, GitLab, distribution and others say it. */
const pulls: [words: string, isRefused: boolean][] = [
  ['pull access denied for team/app, repository does not exist or may require docker login', true],
  ['Head "https://ghcr.io/v2/team/app/manifests/1": denied', true],
  ['Get "https://registry.example/v2/": no basic auth credentials', true],
  ['Head "https://registry.example/v2/app/manifests/1": unauthorized: authentication required', true],
  ['unauthorized: incorrect username or password', true],
  ['received unexpected HTTP status: 403 Forbidden', true],
  ['denied: requested access to the resource is denied', true],
  ['manifest for app:9 not found: manifest unknown', false],
  ['Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host', false],
  ['write /var/lib/docker/tmp/GetImageBlob1: no space left on device', false],
  ['open /var/lib/docker/tmp/GetImageBlob1: permission denied', false],
];
for (const [words, isRefused] of pulls) {
  answering(
    `a pull that fails is ${isRefused ? '' : 'not '}about a login: ${words}`,
    failingPull(words),
    async (engine) => {
      const error = await errorOf(engine.pull('app', () => {}, new AbortController().signal));
      assert.ok(error instanceof AppError && error.code === 'image_pull_failed', String(error));
      assert.equal([error.message, error.details.isRefused], [words, isRefused]);
    },
  );
}

answering(
  'a refused pull has the words of the daemon alone',
  refusing('Get "https://r/v2/": no host'),
  async (engine) => {
    const error = await errorOf(engine.pull('r/nginx', () => {}, new AbortController().signal));
    assert.ok(hasCode(error, 'image_pull_failed'), String(error));
    assert.is((error as AppError).message, 'Get "https://r/v2/": no host');
  },
);

test.run();
