/** That compose.yaml is one that Compose reads, and that it keeps apart what it says it keeps apart. */

import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeComposeSecrets } from '../../../bootstrap/cluster/compose-secrets.ts';
import { composeNodes } from '../../../bootstrap/rabbitmq/definitions.ts';

const run = promisify(execFile);
const test = suite('compose');
const root = new URL('../../../', import.meta.url);

/** The two ways Compose comes in; null when neither is here. */
async function findCompose(): Promise<string[] | null> {
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...args] = command;
    const isThere = await run(program, [...args, 'version']).then(
      () => true,
      () => false,
    );
    if (isThere) return command;
  }
  return null;
}

const compose = await findCompose();
if (compose === null) console.log('skipped: neither `docker compose` nor docker-compose is installed');

/** Compose reads the file in a copy of the folder, with secrets of its own. */
const proof = (sentence: string, body: (ask: (...args: string[]) => Promise<string>, dir: string) => Promise<void>) => {
  if (compose === null) return test.skip(sentence);
  return test(sentence, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'co-compose-'));
    const [program = '', ...first] = compose;
    const ask = async (...args: string[]) => (await run(program, [...first, ...args], { cwd: dir })).stdout;
    try {
      await makeComposeSecrets(join(dir, '.compose'));
      await copyFile(new URL('compose.yaml', root), join(dir, 'compose.yaml'));
      await mkdir(join(dir, 'bootstrap/rabbitmq'), { recursive: true });
      await copyFile(new URL('bootstrap/rabbitmq/rabbitmq.conf', root), join(dir, 'bootstrap/rabbitmq/rabbitmq.conf'));
      await body(ask, dir);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
};

/** The lines of one service in what `config` prints: two spaces deep, until the next of that depth. */
function sectionOf(config: string, service: string): string {
  const [, after = ''] = config.split(`\n  ${service}:\n`);
  return after.split(/\n {0,2}\S/)[0] ?? '';
}

proof('Compose accepts the file of a fresh clone, before there are secrets', async (ask, dir) => {
  await rm(join(dir, '.compose'), { recursive: true });
  await ask('config', '--quiet');
});

proof('Compose accepts the file, with every service of a cluster in it', async (ask) => {
  await ask('config', '--quiet');
  const services = (await ask('config', '--services')).trim().split('\n');
  const workers = composeNodes.flatMap((node) => [node, `${node}-engine`]);
  assert.equal(services.toSorted(), ['manager', 'mongodb', 'rabbitmq', ...workers].toSorted());
});

proof('each agent has its own user, its own engine, and neither database nor tokens', async (ask) => {
  const config = await ask('config');
  for (const node of composeNodes) {
    const agent = sectionOf(config, node);
    assert.equal(
      agent.match(/[a-z0-9-]+-amqp-url/g)?.filter((name) => name !== `${node}-amqp-url`),
      [],
    );
    assert.ok(agent.includes(`${node}-socket`), node);
    assert.ok(sectionOf(config, `${node}-engine`).includes(`${node}-socket`), node);
    assert.is(agent.match(/service_healthy/g)?.length, 2, node);
    assert.not.match(agent, /MONGODB|TOKENS|tokens|privileged/);
  }
});

proof('only engines are privileged, and only the manager is reached from this machine', async (ask) => {
  const config = await ask('config');
  assert.is(config.match(/privileged: true/g)?.length, composeNodes.length);
  assert.is(config.match(/^ +ports:/gm)?.length, 1);
  assert.match(sectionOf(config, 'manager'), /ports:[\s\S]*127\.0\.0\.1/);
  for (const node of composeNodes) {
    const engine = sectionOf(config, `${node}-engine`);
    assert.match(engine, /privileged: true/);
    assert.not.match(engine, /tcp:\/\//);
    assert.match(engine, /networks:\n {6}engines: (null|\{\})(\n|$)/);
  }
});

test.run();
