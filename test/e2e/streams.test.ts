/** Logs, a shell and figures as a person meets them: the program, the embedded log and bus, a real Docker Engine, the command line. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../support/cluster/api.ts';
import { coctl } from '../support/cluster/cli.ts';
import { startProgram } from '../support/cluster/cluster.ts';
import { dockerSocket, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('streams of a cluster on Docker');
const whyNot = await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

(whyNot === null ? test : test.skip)('what two replicas print is followed, and a command runs inside one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'co-e2e-'));
  const options = ['--data', folder, '--port', '0', '--engine', 'docker', '--docker', dockerSocket, '--workers', '2'];
  const program = startProgram(['up', ...options], { CO_LOG_LEVEL: 'warn' });
  const url = await program.line('ready ');
  const api = createApi(url);
  const environment = { CO_URL: url };
  try {
    const { cluster } = await api.get<{ cluster: { id: string } }>('/state');
    const command = ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo "line $i"; sleep 1; done'];
    const body = { services: [{ serviceName: 'web', replicas: 2, container: { name: 'web', image, command } }] };
    await fetch(`${url}/service`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    type Row = { container: string; state: string };
    const running = await until(
      'two running',
      async () => {
        const { containers } = await api.get<{ containers: Row[] }>('/container_state');
        const found = containers.filter(({ state }) => state === 'running').map(({ container }) => container);
        return found.length === 2 ? found.sort() : null;
      },
      60_000,
    );
    const [first = '', second = ''] = running;
    const stopping = new AbortController();
    let seen = '';
    const onOut = (text: string) => {
      seen += text;
    };
    const following = coctl(['logs', 'web', '-f'], { environment, signal: stopping.signal, onOut });
    await until(
      'lines of both',
      () => running.every((one) => new RegExp(`^${one} +\\| line \\d+$`, 'm').test(seen)),
      30_000,
    );
    stopping.abort();
    await following;

    const exec = await coctl(['exec', '-i', first, '--', 'sh', '-c', 'cat; echo to-stderr >&2; exit 7'], {
      ...{ environment, input: 'typed\n' },
    });
    assert.equal([exec.code, exec.out, exec.err], [7, 'typed\n', 'to-stderr\n']);
    const missing = await coctl(['exec', first, '--', 'no-such-program'], { environment });
    assert.is.not(missing.code, 0);
    const top = await coctl(['top', '--json'], { environment });
    const figures: { container: string; memoryBytes: number }[] = top.json().containers;
    assert.equal(figures.map((row) => row.container).sort(), [first, second]);
    for (const { memoryBytes } of figures) assert.ok(memoryBytes > 0);

    const history = await until('the record', async () => {
      const { out } = await coctl(['history', first], { environment });
      return out.includes('ended with exit code 7') ? out : null;
    });
    assert.match(history, /ran a command in .*: sh -c cat; echo to-stderr/);
    await program.end();
    await removeContainersOf(cluster.id);
  } finally {
    await program.end();
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
