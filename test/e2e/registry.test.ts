/** A registry that asks for a login, a real Docker Engine, and what is left of a password anywhere. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerContainerName } from '../../src/model/naming.ts';
import { type Api, createApi } from '../support/cluster/api.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { dockerSocket, openDocker, removeContainersOf } from '../support/servers/docker.ts';
import { testImage } from '../support/servers/images.ts';
import {
  pushImage,
  registryHost,
  registryUser,
  removeImage,
  whyNoRegistry,
} from '../support/servers/private-registry.ts';
import { until } from '../support/wait.ts';

const test = suite('private registry');
const whyNot = await whyNoRegistry();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

const wrongPassword = 'wrong-by-test-3Kd9wZ';
let folder: string;
let program: Program;
let api: Api;
let clusterId: string;
let printed = '';

if (whyNot === null) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-e2e-'));
    await up();
  });
  test.after(async () => {
    await program.end();
    await removeContainersOf(clusterId);
    await rm(folder, { recursive: true, force: true });
  });
}

async function up(): Promise<void> {
  const options = ['--data', folder, '--port', '0', '--engine', 'docker', '--docker', dockerSocket];
  program = startProgram(['up', ...options, '--workers', '3'], { CO_LOG_LEVEL: 'debug' });
  api = createApi(await program.line('ready '));
  clusterId = (await api.get<{ cluster: { id: string } }>('/state')).cluster.id;
}

const setLogin = async (password = registryUser.password) => {
  const { status, text } = await api.call('PUT', `/registry/${registryHost}`, { ...registryUser, password });
  assert.is(status, 202, text);
};
const removeLogin = () => api.call('DELETE', `/registry/${registryHost}`);
const imageOf = (name: string, tag = 'v1') => `${registryHost}/private/${name}:${tag}`;

const run = (serviceName: string, image: string, container: object = {}, replicas = 1) =>
  api.ask({ serviceName, replicas, image, container: { stopTimeoutSeconds: 1, ...container } });

const failureOf = async (service: string): Promise<{ reason: string | null; message: string | null }> =>
  until(`a container of ${service} fails`, async () => {
    const ended = await api.containers(service, '&ended=true');
    return ended.find(({ state }) => state === 'failed') ?? null;
  });

const remove = async (service: string) => {
  await api.call('DELETE', `/service/${service}`);
  await api.gone(service);
};

/** What the engine created the running containers of a service from. */
const createdFrom = async (service: string): Promise<string[]> => {
  const running = (await api.containers(service)).filter(({ state }) => state === 'running');
  const inspected = running.map(({ container }) =>
    openDocker().getContainer(dockerContainerName(clusterId, container)).inspect(),
  );
  return (await Promise.all(inspected)).map(({ Config }) => Config.Image);
};

/** A rollout waits until each new container has run for a while. */
const rolloutDeadlineMs = 60_000;

promise('without a login a private image is refused in words that say what to do', async () => {
  await pushImage(imageOf('none'), 'none');
  await run('none', imageOf('none'));
  const { reason, message } = await failureOf('none');
  assert.is(reason, 'image');
  assert.match(
    message!,
    /^127\.0\.0\.1:\d+ wants a login or has no such image, and no login is set for it \(PUT \/registry\//,
  );
  assert.match(message!, /no basic auth credentials|unauthorized/);
  await remove('none');
});

promise('with the login it runs on every node, as the digest that the tag meant', async () => {
  const digest = await pushImage(imageOf('app'), 'app-1');
  await setLogin();
  await run('app', imageOf('app'), {}, 3);
  await api.converged('app');
  assert.equal(await createdFrom('app'), Array(3).fill(`${registryHost}/private/app@${digest}`));
  const service = await api.service('app');
  assert.equal([service?.imageDigest, service?.imageDigestReason], [digest, null]);
  for (const { imageDigest } of await api.containers('app')) assert.is(imageDigest, digest);
  const resolved = await api.events('type=ImageResolved&service=app');
  assert.is(resolved.length, 1);
  const history = (await api.events('service=app')).map(({ type }) => type);
  assert.ok(history.indexOf('ImageResolved') < history.indexOf('ContainerRunning'));
});

promise('each generation keeps the digest that its tag meant, also when it is rolled back to', async () => {
  const image = imageOf('moving', 'latest');
  const untilAllFrom = (digest: string) =>
    until(
      `${digest} everywhere`,
      async () => {
        const from = await createdFrom('moving').catch(() => []);
        return from.length === 3 && from.every((one) => one.endsWith(digest));
      },
      rolloutDeadlineMs,
    );
  const first = await pushImage(image, 'moving-1');
  await run('moving', image, { env: { N: '1' } }, 2);
  await api.converged('moving');
  const second = await pushImage(image, 'moving-2');
  assert.is.not(second, first);
  // More replicas of the same generation's spec run what the others run.
  await api.call('PATCH', '/service/moving', { replicas: 3 });
  await api.converged('moving');
  assert.equal(await createdFrom('moving'), Array(3).fill(`${registryHost}/private/moving@${first}`));
  await run('moving', image, { env: { N: '2' }, pull: 'always' }, 3);
  await untilAllFrom(second);
  await api.converged('moving');
  assert.is((await api.service('moving'))?.imageDigest, second);
  const rolledBack = await api.call('POST', '/service/moving/rollback', { generation: 1 });
  assert.is(rolledBack.status, 202, rolledBack.text);
  await untilAllFrom(first);
  assert.is((await api.service('moving'))?.imageDigest, first);
  const { generations } = await api.get<{ generations: { generation: number; imageDigest: string }[] }>(
    '/service/moving/generations',
  );
  assert.equal(
    generations.map(({ generation, imageDigest }) => [generation, imageDigest]),
    [
      [4, first],
      [3, second],
      [2, first],
      [1, first],
    ],
  );
  await remove('moving');
});

promise('a wrong password is refused by the registry, and said so by version', async () => {
  await pushImage(imageOf('wrong'), 'wrong');
  await setLogin(wrongPassword);
  await run('wrong', imageOf('wrong'));
  const { reason, message } = await failureOf('wrong');
  assert.is(reason, 'image');
  assert.match(message!, /^127\.0\.0\.1:\d+ refused the login that is set for it \(version 2\): .*unauthorized/s);
  await setLogin();
  await api.converged('wrong', 60_000);
  await remove('wrong');
});

promise('a login that was removed is used for no further pull', async () => {
  await pushImage(imageOf('removed'), 'removed');
  assert.is((await removeLogin()).status, 202);
  await run('removed', imageOf('removed'));
  assert.match((await failureOf('removed')).message!, /no login is set for it/);
  await remove('removed');
  // What runs goes on, and another replica needs no pull, unless its spec wants one.
  await api.call('PATCH', '/service/app', { replicas: 4 });
  await api.converged('app');
  await api.call('PATCH', '/service/app', { container: { pull: 'always' } });
  await until('a failed pull', async () =>
    (await api.events('type=ContainerFailed&service=app')).some(
      ({ data }) => 'reason' in data && data.reason === 'image',
    ),
  );
  assert.is((await api.service('app'))?.running, 4);
  await setLogin();
});

promise('an image that may not be pulled fails when it is not there, and runs when it is', async () => {
  await pushImage(imageOf('never'), 'never');
  await run('never', imageOf('never'), { pull: 'never' });
  const { reason, message } = await failureOf('never');
  assert.equal([reason, message], ['image', `${imageOf('never')} is not on this node, and its pull policy is never`]);
  await remove('never');
  await run('never', testImage, { pull: 'never', command: ['sleep', '60'] });
  await api.converged('never');
  await remove('never');
});

promise('an image of no registry has no digest, and says why', async () => {
  await run('local', testImage, { command: ['sleep', '60'] }, 2);
  await api.converged('local');
  const service = await api.service('local');
  assert.equal([service?.imageDigest, service?.imageDigestReason], [null, 'not in a registry']);
  assert.equal(await createdFrom('local'), [testImage, testImage]);
  await remove('local');
});

promise('after a restart of everything the login is there, and a container pulls with it', async () => {
  await program.end();
  printed += program.output();
  await up();
  await pushImage(imageOf('again'), 'again');
  await run('again', imageOf('again'));
  await api.converged('again');
  await remove('again');
});

promise('no password is in the data folder, in an answer, or in what the program printed', async () => {
  const answers = ['/registry', '/state', '/metrics', '/service/app', '/events?limit=1000'].map((path) =>
    api.call('GET', path),
  );
  const texts = (await Promise.all(answers)).map(({ text }) => text);
  texts.push(JSON.stringify(await api.events()), printed, program.output());
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  assert.ok(files.some(({ name }) => name.endsWith('.secret')) && files.some(({ name }) => name === 'events.sqlite'));
  for (const { parentPath, name } of files) texts.push((await readFile(join(parentPath, name))).toString('latin1'));
  assert.match(texts.join('\n'), new RegExp(registryUser.username), 'what is looked through holds what may be shown');
  for (const password of [registryUser.password, wrongPassword]) {
    const forms = [password, Buffer.from(password).toString('base64').slice(0, -3)];
    for (const form of forms)
      assert.not.ok(
        texts.some((text) => text.includes(form)),
        `${form} was found`,
      );
  }
});

promise('what was pushed for these tests leaves the engine', async () => {
  await remove('app');
  for (const name of ['app', 'moving', 'wrong', 'again']) {
    const found = await openDocker().listImages({ filters: { reference: [`${registryHost}/private/${name}`] } });
    for (const { Id } of found) await removeImage(Id);
  }
});

test.run();
