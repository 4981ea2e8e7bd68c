/** The package as npm makes it: installed for all, it runs what a clone runs, from JavaScript and without one file of the clone. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startProgram } from '../../support/cluster/cluster.ts';

const run = promisify(execFile);
const projectDir = fileURLToPath(new URL('../../..', import.meta.url));
const { version } = JSON.parse(await readFile(join(projectDir, 'package.json'), 'utf8'));
/** What a clone has that a package is made of. */
const sources = ['package.json', 'tsconfig.json', 'README.md', 'bin', 'bootstrap', 'src'];
/** What someone waits for on a slow line. */
const tarballBytesMax = 1_000_000;
const silent = ['--no-audit', '--no-fund', '--loglevel=error'];

const test = suite('coctl as a package');
const whyNot = await run('npm', ['ping'], { timeout: 20_000 }).then(
  () => null,
  () => 'npm does not reach its registry',
);
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

let folder: string;
let clone: string;
const at = (...names: string[]) => join(folder, ...names);
const inPackage = (...names: string[]) => at('global', 'lib', 'node_modules', 'container-orchestrator', ...names);

if (whyNot === null) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-package-'));
    clone = at('clone');
    for (const name of sources) await cp(join(projectDir, name), join(clone, name), { recursive: true });
    await symlink(join(projectDir, 'node_modules'), join(clone, 'node_modules'));
    await run('npm', ['pack', '--pack-destination', folder, ...silent], { cwd: clone });
    // The scripts of other packages may fail where no compiler is: nothing of theirs is needed.
    const tarball = at(`container-orchestrator-${version}.tgz`);
    await run('npm', ['install', '-g', '--prefix', at('global'), tarball, '--ignore-scripts', ...silent]);
  });
  test.after(() => rm(folder, { recursive: true, force: true }));
}

/** From a folder that knows nothing of the project, by the file that a shell finds. */
async function coctl(args: string[], { environment = {}, prefix = at('global') } = {}) {
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const options = { cwd: folder, env: { PATH, CO_CONTEXTS: at('contexts.json'), ...environment } };
  return run(join(prefix, 'bin', 'coctl'), args, options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout as string, err: stderr as string }),
  );
}

promise('the package is small: what runs, and the page', async () => {
  const { size } = await stat(at(`container-orchestrator-${version}.tgz`));
  assert.ok(size < tarballBytesMax, `${size} bytes`);
  const files = (await readdir(inPackage())).filter((name) => name !== 'node_modules').toSorted();
  assert.equal(files, ['README.md', 'bin', 'dist', 'package.json']);
});

promise('coctl says its version, its help and what is wrong', async () => {
  assert.equal(await coctl(['--version']), { code: 0, out: `${version}\n`, err: '' });
  assert.match((await coctl(['--help'])).out, /^Usage: coctl /);
  const { code, err } = await coctl(['service']);
  assert.is(code, 2);
  assert.match(err, /^error: unknown command 'service'\n\(Did you mean services\?\)/);
});

promise(
  'the installed program serves API and page, and the installed coctl asks it, and its log without it',
  async () => {
    const options = ['--data', at('data'), '--port', '0', '--engine', 'simulated', '--workers', '2'];
    const program = startProgram(
      ['up', ...options],
      { CO_LOG_LEVEL: 'silent' },
      at('global/bin/container-orchestrator'),
    );
    const told = { environment: { CO_URL: '' } };
    try {
      const [url = ''] = (await program.line('ready ')).split(' ');
      told.environment.CO_URL = url;
      const ran = await coctl(['run', 'web', 'simulated/any:1', '--replicas', '2'], told);
      assert.match(ran.out, /^web has converged: 2 of 2 running, generation 1$/m, ran.err);
      assert.match((await coctl(['ps'], told)).out, /^web\.1-\S+ +worker-\d +running /m);
      const page = await fetch(url, { headers: { accept: 'text/html' } });
      assert.match(await page.text(), /<script[^>]*\/page\/page\.js/);
      const script = await (await fetch(`${url}/page/page.js`)).text();
      assert.is(script, await readFile(inPackage('dist/page/page.js'), 'utf8'));
      const joining = await coctl(['token', 'create', '--join'], told);
      assert.match(joining.err, /^on the worker: container-orchestrator agent --join http:/m);
    } finally {
      await program.end();
    }
    const offline = await coctl(['state', '--offline'], { environment: { CO_DATA_DIR: at('data') } });
    assert.match(offline.out, /^web +2\/2 +converged /m, offline.err);
    await coctl(['export', at('log.ndjson.gz'), '--sqlite', at('data/events.sqlite')]);
    const replayed = await coctl(['replay', '--file', at('log.ndjson.gz'), '--json']);
    assert.is(JSON.parse(replayed.out).services[0].serviceName, 'web', replayed.err);
  },
);

promise('a compose file is checked by the schema of another package', async () => {
  const path = join(projectDir, 'compose.yaml');
  const { code, err } = await coctl(['plan', '-f', path, '--url', 'http://127.0.0.1:1']);
  assert.is(code, 2, 'it is refused for what it asks for, before any manager is asked');
  assert.match(err, /secrets/);
});

promise('an old Node.js is told in a line', async () => {
  const old = "Object.defineProperty(process, 'versions', { value: { node: '22.1.0' } })";
  const loader = `data:text/javascript,${encodeURIComponent(old)}`;
  for (const name of ['coctl', 'container-orchestrator']) {
    const failed = run(process.execPath, ['--import', loader, at('global/bin', name), '--version']);
    const { code, stderr } = await failed.catch((error) => error);
    assert.is(code, 1);
    assert.is(stderr, `${name} needs Node.js 24 or newer, and this is 22.1.0: https://nodejs.org/en/download\n`);
  }
});

promise('npm link makes coctl run from the sources of the clone, built or not', async () => {
  await rm(join(clone, 'dist'), { recursive: true });
  await run('npm', ['link', ...silent], { cwd: clone, env: { ...process.env, npm_config_prefix: at('linked') } });
  const linked = await coctl(['--version'], { prefix: at('linked') });
  assert.equal(linked, { code: 0, out: `${version}\n`, err: '' });
});

test.run();
