/** `coctl edit` on a whole cluster, with editors that are scripts: what they are shown, and what comes of what they save. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type RunningCluster, startCluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/wait.ts';

const test = suite('coctl edit');
const program = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const temporary = process.env.TMPDIR;
let folder: string;
let cluster: RunningCluster;
let api: Api;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-edit-'));
  cluster = await startCluster({ dataDir: join(folder, 'data'), engine: 'simulated', socketPath: '', workers: 2 });
  api = createApi(cluster.url);
  process.env.TMPDIR = drafts();
});
test.after(async () => {
  if (temporary === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = temporary;
  await cluster.purge();
  await rm(folder, { recursive: true });
});
test.before.each(async () => {
  await rm(drafts(), { recursive: true, force: true });
  await mkdir(drafts());
  await rm(at('seen'), { recursive: true, force: true });
  await mkdir(at('seen'));
  await api.ask({ serviceName: 'web', replicas: 2, image: 'nginx' });
  await api.converged('web');
});
test.after.each(async () => {
  await api.call('DELETE', '/service/web');
  await api.gone('web');
});

const at = (name: string) => join(folder, name);
const drafts = () => at('drafts');
const kept = () => readdir(drafts());
const seen = (time: number) => readFile(at(`seen/${time}`), 'utf8');

/** The nth time it is opened, it does the nth of these with its file, `$1`; it keeps what it was shown. */
async function editorOf(...steps: string[]): Promise<string> {
  const cases = steps.map((step, index) => `${index}) ${step} ;;`).join('\n');
  const script = `n=$(ls '${at('seen')}' | wc -l)\ncp "$1" '${at('seen')}'/$n\ncase $((n)) in\n${cases}\nesac\n`;
  await writeFile(at('editor.sh'), script);
  return `sh '${at('editor.sh')}'`;
}

const edit = (editor: string, ...more: string[]) =>
  coctl(['edit', 'web', ...more], { environment: { CO_URL: cluster.url, EDITOR: editor } });
const replicas = async () => (await api.service('web'))?.replicas;
const toThree = `sed -i 's/^replicas: 2/replicas: 3/' "$1"`;

test('what is saved is made, shown as a difference, and waited for', async () => {
  const { code, out, err } = await edit(await editorOf(toThree));
  assert.is(code, 0, err);
  assert.match(err, /^~ web\n {4}~ replicas: 2 → 3$/m);
  assert.match(out, /^web has converged: 3 of 3 running, generation \d+\n$/);
  const text = await seen(0);
  assert.match(text, /^# The spec of the service web\. Save it and leave the editor to change the service;\n/);
  assert.equal(
    parse(text),
    parse(
      (await coctl(['inspect', 'web', '--spec'], { environment: { CO_URL: cluster.url } })).out.replace(
        'replicas: 3',
        'replicas: 2',
      ),
    ),
  );
  assert.equal(await kept(), []);
});

test('the spec that inspect prints is applied again, and changes nothing', async () => {
  const environment = { CO_URL: cluster.url };
  for (const body of [
    { serviceName: 'job', mode: 'job', restart: { delaySeconds: 5 }, schedule: { cron: '@daily' } },
    {
      serviceName: 'each',
      mode: 'global',
      placement: { constraints: ['node.id != worker-9'] },
      health: { tcp: { port: 80 } },
    },
    {
      serviceName: 'more',
      replicas: 0,
      update: { canary: 0, parallelism: '30%' },
      rebalance: {},
      onDisconnect: 'keep',
    },
  ]) {
    const services = [
      { ...body, container: { image: 'nginx', env: { A: '<<' }, args: ['yes', '0x10', '1e3', ' a: b #'] } },
    ];
    assert.is((await api.call('POST', '/service', { services })).status, 202);
    const { out } = await coctl(['inspect', body.serviceName, '--spec'], { environment });
    await writeFile(at('spec.yaml'), out);
    const applied = await coctl(['apply', '-f', at('spec.yaml'), '--detach'], { environment });
    assert.match(applied.out, /generation 1 is as it was/, applied.err);
    await api.call('DELETE', `/service/${body.serviceName}`);
    await api.gone(body.serviceName);
  }
});

test('what is left as it is, or emptied, changes nothing', async () => {
  const before = (await api.service('web'))?.generation;
  for (const step of ['true', ': > "$1"', `printf '# only\\n# comments\\n' > "$1"`, `echo '# a comment' >> "$1"`]) {
    const { code, out, err } = await edit(await editorOf(step));
    assert.equal([code, out], [0, 'nothing changed\n'], `${step}: ${err}`);
    await rm(at('seen/0'));
  }
  assert.equal((await edit('true', '--json')).json().services, []);
  assert.is((await api.service('web'))?.generation, before);
  assert.equal(await kept(), []);
});

test('what is refused is opened again with the reason at its top, until it is right', async () => {
  const editor = await editorOf(
    `sed -i 's/^replicas: 2/replicas: [/' "$1"`,
    `sed -i 's/^replicas: .*/replicas: -1/' "$1"`,
    `sed -i 's/^replicas: .*/replicas: 2/; s/image: nginx/image: NGINX/' "$1"`,
    `sed -i 's/image: NGINX/image: nginx/; s/serviceName: web/serviceName: other/' "$1"`,
    `sed -i 's/serviceName: other/serviceName: web/; s/^replicas: .*/replicas: 3/' "$1"`,
  );
  const { code, err } = await edit(editor);
  assert.is(code, 0, err);
  assert.match(await seen(1), /^# REFUSED, and nothing is changed:\n# {3}the text: .* at line \d+/);
  assert.match(await seen(2), /^# REFUSED.*\n# {3}replicas must be at least 0\n#\n# The spec of the service web\./);
  assert.match(await seen(2), /^replicas: -1$/m);
  assert.match(
    await seen(3),
    /^# REFUSED.*\n# {3}container\.image must be an image whose repository name is lower-case$/m,
  );
  assert.match(await seen(4), /^# REFUSED.*\n# {3}serviceName has to stay web/);
  assert.is((await seen(4)).match(/REFUSED/g)?.length, 1);
  assert.is(await replicas(), 3);
  assert.equal(await kept(), []);
});

test('a refusal that is left as it is ends it, and what was typed is kept', async () => {
  const { code, err } = await edit(await editorOf(`sed -i 's/^replicas: 2/replicas: many/' "$1"`));
  assert.is(code, 2);
  const [, path] = /^what was typed is kept in (.*\/web\.yaml)$/m.exec(err) ?? [];
  assert.match(err, /^replicas must be .*\(body_invalid\)$/m);
  assert.match(await readFile(path!, 'utf8'), /^replicas: many$/m);
  assert.is(await replicas(), 2);
});

test('a program that never saves what is right is not asked for ever', async () => {
  const { code, err } = await edit(`sh -c 'echo "a$(date +%N)$$: 1" >> "$1"' sh`);
  assert.is(code, 2, err);
  assert.is((await kept()).length, 1);
});

const elsewhere = (body: object) =>
  `'${process.execPath}' -e '${`await fetch("${cluster.url}/service/web", { method: "PATCH", headers: { "content-type": "application/json" }, body: ${JSON.stringify(JSON.stringify(body))} })`}'`;

test('another change meanwhile is a conflict: nothing is overwritten, and what was typed is kept', async () => {
  const { code, err } = await edit(await editorOf(`${elsewhere({ replicas: 1 })}; ${toThree}`));
  assert.is(code, 1);
  assert.match(err, /^web was changed by another meanwhile: coctl edit web opens what it is now \(edit_conflict\)$/m);
  const [, path] = /^what was typed is kept in (.*)$/m.exec(err) ?? [];
  assert.match(await readFile(path!, 'utf8'), /^replicas: 3$/m);
  assert.is(await replicas(), 1);
});

test('a rollout that goes on meanwhile is none', async () => {
  await api.call('PATCH', '/service/web', { container: { image: 'nginx:2' }, update: { minHealthySeconds: 1 } });
  await until('the rollout begins', async () => (await api.service('web'))?.rollout?.state === 'in progress');
  const converged = `until '${process.execPath}' '${program}' rollout status web --url ${cluster.url} > '${at('status')}' 2>&1; do :; done`;
  const { code, err } = await edit(await editorOf(`${converged}; ${toThree}`));
  assert.is(code, 0, err);
  assert.is(await replicas(), 3);
});

test('--dry-run shows the difference and the plan, --detach does not wait, --json has what was accepted', async () => {
  const planned = await edit(await editorOf(toThree), '--dry-run');
  assert.is(planned.code, 0, planned.err);
  assert.match(planned.out, /^~ web\n {4}~ replicas: 2 → 3\n\n/);
  assert.match(planned.out, /web\.3 is placed on worker-/);
  assert.is(await replicas(), 2);
  await rm(at('seen/0'));
  const alike = await edit(await editorOf(`sed -i '/^  ports: \\[\\]$/d' "$1"`), '--dry-run');
  assert.is(alike.out, 'nothing would change\n', alike.err);
  await rm(at('seen/0'));
  const detached = await edit(await editorOf(toThree), '--detach', '--json');
  const [{ generation, ...only }] = detached.json().services;
  assert.equal(only, { serviceName: 'web', changed: true, outcome: 'accepted', reason: null });
  assert.is((await api.service('web'))?.generation, generation);
});

test('what never comes is exit code 4, as after every change', async () => {
  const { code, err } = await edit(await editorOf(`sed -i 's|image: nginx|image: missing/nginx|' "$1"`));
  assert.is(code, 4, err);
  assert.match(err, /^web did not converge: the rollout of generation \d+ is paused/m);
  assert.equal(await kept(), []);
});

test('an editor that fails, or is none, changes nothing', async () => {
  const failed = await edit(await editorOf('exit 3'));
  assert.equal(
    [failed.code, /the editor sh .* ended with 3: nothing is changed/.test(failed.err)],
    [1, true],
    failed.err,
  );
  assert.equal(await kept(), []);
  await rm(at('seen/0'));
  await edit(await editorOf(`${toThree}; exit 1`));
  assert.is((await kept()).length, 1, 'it was typed');
  assert.match((await edit('no-such-editor --wait')).err, /the editor no-such-editor --wait ended with 127/);
  assert.is(await replicas(), 2);
});

test('without an editor and without a terminal it says what to set', async () => {
  const { code, err } = await coctl(['edit', 'web'], { environment: { CO_URL: cluster.url } });
  assert.is(code, 2);
  assert.match(err, /there is no terminal for vi: set EDITOR to a program that edits the file it is given/);
  const environment = { CO_URL: cluster.url, EDITOR: 'false', VISUAL: 'true' };
  assert.is((await coctl(['edit', 'web'], { environment })).out, 'nothing changed\n');
  assert.is((await edit('true', '--timeout', 'soon')).code, 2);
  assert.is((await coctl(['edit', 'none'], { environment })).code, 1);
});

/** Under a terminal of its own, as `script` gives one. */
function startOnTerminal(editor: string): {
  child: ChildProcess;
  printed: () => string;
  ended: Promise<number | null>;
} {
  const line = `trap : INT; '${process.execPath}' '${program}' edit web; echo "ended with $?"`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...process.env, CO_URL: cluster.url, EDITOR: editor, VISUAL: '', SHELL: '/bin/sh' },
  });
  let printed = '';
  child.stdout.on('data', (piece) => {
    printed += piece;
  });
  return { child, printed: () => printed, ended: once(child, 'close').then(([code]) => code) };
}

const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
const onTerminal = hasScript ? test : test.skip;

onTerminal('on a terminal the editor has it, and Ctrl-C ends both and leaves nothing behind', async () => {
  const { child, printed, ended } = startOnTerminal(await editorOf(`${toThree}; test -t 0 && test -t 1 && sleep 60`));
  await until('the editor is open', async () => (await readdir(at('seen'))).length > 0, 20_000);
  assert.is((await kept()).length, 1);
  child.stdin!.write('\x03');
  await ended;
  assert.match(printed(), /ended with 130/);
  assert.equal(await kept(), []);
  assert.is(await replicas(), 2);
});

const hasVi = spawnSync('sh', ['-c', 'command -v vi']).status === 0;
(hasScript && hasVi ? test : test.skip)('vi is taken where no variable names another', async () => {
  const { child, printed, ended } = startOnTerminal('');
  await until('vi shows the text', () => printed().includes('serviceName'), 20_000);
  child.stdin!.write(':%s/^replicas: 2/replicas: 3/\r:wq\r');
  await ended;
  assert.match(printed(), /web has converged: 3 of 3 running/);
});

test.run();
