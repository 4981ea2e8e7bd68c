/** A first quarter of an hour with the command line, on a real Docker Engine: apply a compose file, break it, ask why, go back. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coctl } from '../support/cluster/cli.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { dockerSocket, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';

const test = suite('the command line on Docker');
const whyNot = await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

let folder: string;
let program: Program;
let url: string;
let clusterId: string;

const run = (...args: string[]) => coctl(args, { environment: { CO_URL: url } });
const file = () => join(folder, 'compose.yaml');

if (whyNot === null) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-e2e-'));
    const options = ['--data', join(folder, 'data'), '--port', '0', '--engine', 'docker', '--docker', dockerSocket];
    program = startProgram(['up', ...options, '--workers', '2'], { CO_LOG_LEVEL: 'warn' });
    url = await program.line('ready ');
    clusterId = (await run('state', '--json')).json().cluster.id;
  });
  test.after(async () => {
    await program.end();
    await removeContainersOf(clusterId);
    await rm(folder, { recursive: true, force: true });
  });
}

const compose = (version: string) => `
name: shop
services:
  web:
    image: ${image}
    command: ["httpd", "-f", "-p", "80", "-h", "/"]
    ports: ["80"]
    healthcheck: { test: ["CMD", "true"], interval: 1s, timeout: 1s, retries: 2 }
    stop_grace_period: 1s
    environment: { VERSION: "${version}" }
    depends_on: { store: { condition: service_healthy }, prepare: { condition: service_completed_successfully } }
    deploy: { replicas: 2, resources: { limits: { memory: 32M } }, update_config: { monitor: 1s, order: start-first } }
  store:
    image: ${image}
    command: sh -c 'echo ready > /run/ready; exec sleep 3600'
    tmpfs: /run
    stop_grace_period: 1s
    healthcheck: { test: "cat /run/ready", interval: 1s, timeout: 1s, retries: 5 }
  prepare:
    image: ${image}
    command: ["sh", "-c", "echo prepared"]
`;

promise('a compose file of three services runs: first the job and the store, then what depends on them', async () => {
  await writeFile(file(), compose('1'));
  const { code, out, err } = await run('apply', '-f', file(), '--timeout', '90s');
  assert.is(code, 0, err);
  assert.match(out, /^prepare is completed, generation 1$/m);
  assert.match(out, /^store has converged: 1 of 1 running, generation 1$/m);
  assert.match(out, /^web has converged: 2 of 2 running, generation 1$/m);
  assert.match((await run('ps', 'web')).out, /^web\.1-\w+ +worker-\d +healthy +\d+ s +\d+→80 /m);
  assert.is((await run('plan', '-f', file())).out, 'nothing would change\n');
});

promise(
  'an image that does not exist takes nothing down: the change ends with the reason, and a rollback comes back',
  async () => {
    const broken = await run('set', 'image', 'web=co/none:1', '--timeout', '90s');
    assert.is(broken.code, 4, broken.err);
    assert.match(broken.err, /^web did not converge: the rollout of generation 2 is paused: /m);
    assert.match((await run('services')).out, /^web +2\/2 +paused/m);
    assert.match((await run('why', 'web')).out, /got no image on worker-\d/);
    const back = await run('rollback', 'web', '--timeout', '90s');
    assert.is(back.code, 0, back.err);
    assert.match((await run('rollout', 'history', 'web')).out, /^ +3 +.* converged, as 1 /m);
  },
);

promise('a service has the rights and the place that run gives it, and what an editor saves of it', async () => {
  await run('node', 'label', 'worker-2', 'disk=ssd');
  const rights = ['--read-only', '--tmpfs', '/run:size=1m', '--hostname', 'safe', '--cap-drop', 'ALL', '--user', '7'];
  const place = ['--constraint', 'node.labels.disk==ssd', '--stop-timeout', '1s', '--entrypoint', 'sh'];
  const ran = await run('run', 'safe', image, ...rights, ...place, '--timeout', '60s', '--', '-c', 'exec sleep 3600');
  assert.is(ran.code, 0, ran.err);
  const nameOf = async () => (await run('ps', 'safe', '-o', 'name')).out.trim();
  const shell = async (line: string) => run('exec', await nameOf(), '--', 'sh', '-c', line);
  assert.is((await shell('hostname; id -u; touch /run/a && echo written')).out, 'safe\n7\nwritten\n');
  assert.match((await shell('touch /a')).err, /Read-only file system/);
  assert.match((await run('ps', 'safe')).out, /^safe\.1-\w+ +worker-2 +running/m);

  const editor = `sed -i -e 's/hostname: safe/hostname: edited/' -e 's/readOnly: true/readOnly: false/'`;
  const edited = await coctl(['edit', 'safe', '--timeout', '60s'], { environment: { CO_URL: url, EDITOR: editor } });
  assert.is(edited.code, 0, edited.err);
  assert.match(edited.err, /^ {4}~ container\.hostname: "safe" → "edited"$/m);
  assert.match((await shell('hostname')).out, /^edited$/m);
  assert.is((await run('rm', 'safe', '--timeout', '60s')).code, 0);
});

promise('another version is planned and rolled out, a node is drained, and all of it is removed', async () => {
  await writeFile(file(), compose('2'));
  const planned = await run('plan', '-f', file());
  assert.match(planned.out, /^~ web\n {4}~ container\.env\.VERSION: "1" → "2"$/m);
  const applied = await run('apply', '-f', file(), '--timeout', '90s');
  assert.is(applied.code, 0, applied.err);
  const drained = await run('node', 'drain', 'worker-1', '--timeout', '60s');
  assert.match(drained.out, /^worker-1 is empty$/m, drained.err);
  assert.is((await run('rm', 'web', 'store', 'prepare', '--timeout', '60s')).code, 0);
  assert.is((await run('ps', '-o', 'name')).out, '');
});

test.run();
