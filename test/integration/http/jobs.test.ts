/** Jobs over HTTP: what a service of another mode than replicated may say, and how its runs are read. */

import { readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { httpLogs } from '../../support/http/http-logs.ts';

const body = (members: object) => ({
  services: [{ serviceName: 'migrate', container: { image: 'migrate:1' }, ...members }],
});

const head = { stream: streams.service('migrate'), meta: { actor: 'controller', causationId: null } } as const;
const run = { service: 'migrate', run: 1 };
const due: NewEvent = {
  ...head,
  type: 'JobDue',
  data: {
    ...{ ...run, generation: 1, cause: 'requested', dueAt: '2026-01-01T00:00:00.000Z', passed: 0 },
    ...{ firstSlot: 1, completions: 1, isReplacing: true },
  },
};
const reason = 'migrate.1 failed 3 times, the last time: exited: exit code 1';
const failed: NewEvent = {
  ...head,
  type: 'JobFailed',
  data: { ...run, why: 'attempts', reason, container: 'migrate.1-2', lastWords: ['no such table'] },
};

for (const { name, open } of httpLogs) {
  const test = suite(`jobs over HTTP on the ${name} log`);
  let api: TestApi;

  test.before.each(async () => {
    api = await startApi(await open());
  });
  test.after.each(async () => {
    await api.close();
    await api.log.close();
  });

  const post = (sent: object) => api.call('POST', '/service', { body: sent });
  const read = async () => (await api.call('GET', '/service/migrate')).body;

  test('a job is read as it was sent, with its defaults, and changes nothing when sent again', async () => {
    assert.is((await post(body({ mode: 'job', job: { completions: 3 } }))).status, 202);
    const { mode, job, container, replicas, status, runs } = await read();
    assert.equal(job, { completions: 3, parallelism: 1, maxAttempts: 3, timeoutSeconds: null });
    assert.equal([mode, replicas, status, runs], ['job', 0, 'progressing', []]);
    const again = await post(body({ mode, job, container }));
    assert.equal(again.body.services, [{ serviceName: 'migrate', generation: 1, changed: false }]);
  });

  test('the services of the README are accepted as written', async () => {
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
    const bodies = [...readme.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
    assert.is(bodies.length, 5);
    for (const text of bodies) {
      const answer = await api.call('POST', '/service', { text, headers: { 'content-type': 'application/json' } });
      assert.is(answer.status, 202, answer.text);
    }
  });

  test('a patch merges what a run is, and null is the default again', async () => {
    await post(body({ mode: 'job', job: { completions: 3 } }));
    const patch = (sent: object) => api.call('PATCH', '/service/migrate', { body: sent });
    await patch({ job: { timeoutSeconds: 60 } });
    assert.equal((await read()).job, { completions: 3, parallelism: 1, maxAttempts: 3, timeoutSeconds: 60 });
    await patch({ job: null });
    assert.equal((await read()).job, { completions: 1, parallelism: 1, maxAttempts: 3, timeoutSeconds: null });
  });

  test('its runs are read with how they ended, and the generation of one that failed has failed', async () => {
    await post(body({ mode: 'job' }));
    const { last } = await api.log.append([due, failed]);
    await api.projector.waitFor(last);
    const { runs, status, reason: why } = await read();
    assert.equal([status, why], ['degraded', `run 1 failed: ${reason}`]);
    const [{ beganAt, endedAt, ...rest }] = runs;
    assert.ok(beganAt <= endedAt);
    assert.equal(rest, {
      ...{ run: 1, cause: 'requested', generation: 1, dueAt: '2026-01-01T00:00:00.000Z', outcome: 'failed' },
      ...{ succeeded: 0, completions: 1, reason, container: 'migrate.1-2' },
    });
    const { generations } = (await api.call('GET', '/service/migrate/generations')).body;
    assert.equal([generations[0].outcome, generations[0].reason, generations[0].mode], ['failed', reason, 'job']);
  });

  test('a schedule is read as it was sent, with its defaults and its next tick, and null takes it away', async () => {
    const sent = body({ mode: 'job', schedule: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' } });
    assert.is((await post(sent)).status, 202);
    const { schedule, nextRunAt, status, container } = await read();
    assert.equal(schedule, { cron: '0 3 * * *', timeZone: 'Europe/Berlin', missed: 'skip', overlap: 'forbid' });
    assert.match(nextRunAt, /T0[12]:00:00\.000Z$/);
    assert.is(status, 'converged');
    const again = await post(body({ mode: 'job', schedule, container }));
    assert.is(again.body.services[0].changed, false);
    const patch = (members: object) => api.call('PATCH', '/service/migrate', { body: members });
    await patch({ schedule: { cron: '0 4 * * *' } });
    assert.equal((await read()).schedule.timeZone, 'UTC', 'a schedule is patched as a whole');
    const refused = await patch({ schedule: { cron: '0 25 * * *' } });
    assert.equal([refused.status, refused.body.errors[0].field], [422, 'schedule.cron']);
    await patch({ schedule: null });
    assert.equal([(await read()).schedule, (await read()).nextRunAt], [undefined, null]);
  });

  for (const [what, members, field, rule] of [
    ['an unknown mode', { mode: 'daemon' }, 'services[0].mode', /replicated, global or job/],
    [
      'replicas of a job',
      { mode: 'job', replicas: 2 },
      'services[0].replicas',
      /cannot be set for a service of mode job/,
    ],
    [
      'replicas of a global service',
      { mode: 'global', replicas: 2 },
      'services[0].replicas',
      /cannot be set for a service of mode global/,
    ],
    [
      'two on a node for an update',
      { mode: 'global', update: { order: 'start-first' } },
      'services[0].update.order',
      /one container on a node/,
    ],
    ['job members of a replicated service', { job: {} }, 'services[0].job', /needs mode job, not replicated/],
    ['an update policy of a job', { mode: 'job', update: {} }, 'services[0].update', /nothing is rolled out/],
    [
      'restarts by an agent that is alone',
      { mode: 'job', onDisconnect: 'keep' },
      'services[0].onDisconnect',
      /the managers' to count/,
    ],
    [
      'attempts by the restart policy',
      { mode: 'job', restart: { maxAttempts: 3 } },
      'services[0].restart.maxAttempts',
      /job\.maxAttempts counts/,
    ],
    [
      'a schedule of a replicated service',
      { schedule: { cron: '* * * * *' } },
      'services[0].schedule',
      /needs mode job, not replicated/,
    ],
    [
      'an hour that no day has',
      { mode: 'job', schedule: { cron: '0 25 * * *' } },
      'services[0].schedule.cron',
      /five fields, or six with seconds first: Invalid value for hour: 25/,
    ],
    [
      'a day that no year has',
      { mode: 'job', schedule: { cron: '0 0 30 2 *' } },
      'services[0].schedule.cron',
      /is never due/,
    ],
    [
      'a time zone of another planet',
      { mode: 'job', schedule: { cron: '* * * * *', timeZone: 'Mars/Olympus' } },
      'services[0].schedule.timeZone',
      /the name of a time zone/,
    ],
    [
      'an unknown rule',
      { mode: 'job', schedule: { cron: '* * * * *', overlap: 'queue' } },
      'services[0].schedule.overlap',
      /allow, forbid or replace/,
    ],
    ['no completion', { mode: 'job', job: { completions: 0 } }, 'services[0].job.completions', /./],
    ['an unknown member', { mode: 'job', job: { retries: 0 } }, 'services[0].job.retries', /./],
  ] as const) {
    test(`${what}: refused, naming field and rule`, async () => {
      const { status, body: problem } = await post(body(members));
      assert.ok(status === 400 || status === 422, String(status));
      assert.ok(problem.detail.includes(field), `${problem.detail} names ${field}`);
      assert.match(problem.detail, rule);
    });
  }

  test('the mode of a service stays what it is, and a patch fits it', async () => {
    await post(body({ mode: 'job' }));
    await post({ services: [{ serviceName: 'web', container: { image: 'web:1' } }] });
    const patch = (service: string, sent: object) => api.call('PATCH', `/service/${service}`, { body: sent });
    for (const [answer, detail] of [
      [await post(body({})), /^services\[0\]\.mode cannot become replicated: migrate is job; remove it first$/],
      [await patch('migrate', { replicas: 2 }), /^replicas cannot be set: migrate is job$/],
      [await patch('migrate', { update: { canary: 1 } }), /^update cannot be set: migrate is job$/],
      [await patch('web', { job: { completions: 2 } }), /^job cannot be set: web is replicated$/],
    ] as const) {
      assert.equal([answer.status, answer.body.code], [409, 'mode_mismatch']);
      assert.match(answer.body.detail, detail);
    }
  });

  test.run();
}
