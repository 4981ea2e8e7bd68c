/** `coctl logs`, `exec` and `top` against a manager: what is printed, where, and how the command line ends. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coctl } from '../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { appendSeeds } from '../../support/http/seeds.ts';
import { until } from '../../support/wait.ts';

const test = suite('coctl: streams');
const container = 'web.1-4m';

type Scene = { api: TestApi; environment: Record<string, string> };

const scene = (sentence: string, body: (scene: Scene) => Promise<void>) =>
  test(sentence, async () => {
    const api = await startApi(await openMemoryLog(), { agent: { isAnswering: true } });
    try {
      await api.projector.waitFor(await appendSeeds(api.log));
      await api.agent.run(container);
      await body({ api, environment: { CO_URL: api.url } });
    } finally {
      await api.close();
      await api.log.close();
    }
  });

scene(
  'lines of a service have their container before them, those of a container do not',
  async ({ api, environment }) => {
    api.agent.machine.print(container, 'one\n\u001b[31mred\u001b[0m \u001b[2Jgone\n');
    const ofService = await coctl(['logs', 'web', '--tail', '2'], { environment });
    assert.equal([ofService.code, ofService.out], [0, `${container} | one\n${container} | red  [2Jgone\n`]);
    const ofContainer = await coctl(['logs', container, '--tail', '1', '--timestamps'], { environment });
    assert.match(ofContainer.out, /^\d{4}-\d\d-\d\dT[0-9:.]+Z red {2}\[2Jgone\n$/);
    const json = await coctl(['logs', 'web', '--tail', '1', '--json', '--since', '90m'], { environment });
    assert.is(json.json().container, container);
  },
);

scene('a slot names the container that runs in it', async ({ api, environment }) => {
  api.agent.machine.print(container, 'one\n');
  assert.is((await coctl(['logs', 'web.1', '--tail', '1'], { environment })).out, 'one\n');
  assert.is((await coctl(['exec', 'web.1', '--', 'echo', 'hello'], { environment })).out, 'echo hello\n');
  const empty = await coctl(['exec', 'web.9', '--', 'ls'], { environment });
  assert.equal([empty.code, /no container runs in web\.9: coctl ps web/.test(empty.err)], [1, true], empty.err);
  const service = await coctl(['exec', 'web', '--', 'ls'], { environment });
  assert.equal([service.code, /web is no container: .*web\.1/.test(service.err)], [2, true], service.err);
});

scene('a follower goes on until it is interrupted', async ({ api, environment }) => {
  const stopping = new AbortController();
  let seen = '';
  const onOut = (text: string) => {
    seen += text;
  };
  const following = coctl(['logs', 'web', '-f', '--tail', '0'], { environment, signal: stopping.signal, onOut });
  await until('a later line', () => {
    api.agent.machine.print(container, 'later\n');
    return seen.includes(`${container} | later\n`);
  });
  stopping.abort();
  assert.is((await following).code, 130);
});

scene(
  'of what has ended there are the last lines, and the rest is refused with its reason',
  async ({ environment }) => {
    const ended = await coctl(['logs', 'web.1-4k'], { environment });
    assert.equal([ended.code, ended.out], [0, 'oh\n']);
    assert.match(ended.err, /^web\.1-4k: it is failed: these are its last lines/);
    await coctl(['run', 'idle', 'nginx', '--replicas', '0', '--detach'], { environment });
    const idle = await coctl(['logs', 'idle'], { environment });
    assert.equal([idle.code, /idle has no container that runs.*container_not_running/.test(idle.err)], [1, true]);
    const unknown = await coctl(['logs', 'none'], { environment });
    assert.match(unknown.err, /service_not_found/);
    const misused = await coctl(['logs', 'web', '--tail', 'some'], { environment });
    assert.is(misused.code, 2);
  },
);

scene('a command ends coctl with its own exit code, and prints what it prints', async ({ environment }) => {
  const fine = await coctl(['exec', container, '--', 'echo', '-n', 'hello'], { environment });
  assert.equal([fine.code, fine.out, fine.err], [0, 'echo -n hello\n', '']);
  const failing = await coctl(['exec', container, '--', 'false'], { environment });
  assert.is(failing.code, 1);
  const refused = await coctl(['exec', 'web.1-4k', '--', 'ls'], { environment });
  assert.is(refused.code, 1);
  assert.match(refused.err, /container_not_running/);
  const away = await coctl(['exec', container, '--', 'ls'], { environment: { CO_URL: 'http://127.0.0.1:1' } });
  assert.is(away.code, 3);
});

scene('a command gets the whole of its input', async ({ environment }) => {
  const input = 'line\n'.repeat(60_000);
  const run = await coctl(['exec', '-i', container, '--', 'cat'], { environment, input });
  assert.is(run.code, 0, run.err);
  assert.is(run.out, input);
});

scene('top has a row for each container that runs, and says why one has no figures', async ({ api, environment }) => {
  const top = await coctl(['top'], { environment });
  assert.is(top.code, 0);
  assert.match(top.out, /^CONTAINER +NODE +CPU +MEMORY +OF +PROBLEM\nweb\.1-4m +worker-1 +0\.0% +0 bytes/);
  api.agent.machine.kill(container, 1);
  const without = await coctl(['top', 'web'], { environment });
  assert.match(without.out, /web\.1-4m +worker-1 +- +- +- +web\.1-4m does not run/);
  assert.is((await coctl(['top', 'none'], { environment })).code, 1);
});

test.run();
