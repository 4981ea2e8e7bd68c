/** Whatever is wrong with a request: a problem document that names field and rule, and nothing appended but the refusal. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type CallOptions, oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('bad input');
let api: TestApi;

test.before(async () => {
  api = await startApi(await openMemoryLog(), { recordEveryMs: 20 });
});
test.after(async () => {
  await api.close();
  await api.log.close();
});

const service = (changes: object) => ({ services: [{ ...oneService().services[0], ...changes }] });
const container = (changes: object) => service({ container: { image: 'nginx', ...changes } });

type Case = { what: string; body?: unknown; text?: string | Buffer; headers?: Record<string, string> } & Expected;
type Expected = { status: number; code: string; field?: string; rule?: RegExp };

const body = (what: string, value: unknown, field: string, rule: RegExp): Case => ({
  what,
  body: value,
  status: 400,
  code: 'body_invalid',
  field,
  rule,
});
const refusedImage = (...members: Parameters<typeof body>): Case => ({
  ...body(...members),
  status: 422,
  code: 'image_refused',
});
/** Each member is well formed; together they are not. */
const contradiction = (...members: Parameters<typeof body>): Case => ({
  ...body(...members),
  status: 422,
  code: 'body_contradictory',
});
const json = { 'content-type': 'application/json' };
const digest = `sha256:${'a'.repeat(64)}`;

const posts: Case[] = [
  body('an unknown field', { ...oneService(), dryRun: true }, 'dryRun', /not a known field/),
  body('an unknown field of a service', service({ image: 'nginx' }), 'services[0].image', /not a known field/),
  body('an unknown field of a container', container({ privileges: true }), 'services[0].container.privileges', /known/),
  body('no services', {}, 'services', /required/),
  body('an empty list', { services: [] }, 'services', /at least 1 item/),
  body('501 services', { services: Array(501).fill(oneService().services[0]) }, 'services', /at most 500 items/),
  body('a list as body', [], 'body', /must be an object/),
  body('null as body', null, 'body', /must be an object/),
  body('replicas null', service({ replicas: null }), 'services[0].replicas', /must be an integer/),
  body('replicas true', service({ replicas: true }), 'services[0].replicas', /must be an integer/),
  body('replicas as text', service({ replicas: '3' }), 'services[0].replicas', /must be an integer/),
  body('half a replica', service({ replicas: 1.5 }), 'services[0].replicas', /must be an integer/),
  body('negative replicas', service({ replicas: -1 }), 'services[0].replicas', /at least 0/),
  body('huge replicas', service({ replicas: 10_001 }), 'services[0].replicas', /at most 10000/),
  body('no name', { services: [{ container: { image: 'nginx' } }] }, 'services[0].serviceName', /required/),
  body('a name with capitals', service({ serviceName: 'Web' }), 'services[0].serviceName', /DNS label/),
  body('a name with a slash', service({ serviceName: '../web' }), 'services[0].serviceName', /DNS label/),
  body('a name with NUL', service({ serviceName: 'we\u0000b' }), 'services[0].serviceName', /DNS label/),
  body('an empty name', service({ serviceName: '' }), 'services[0].serviceName', /DNS label/),
  body('a name of 64', service({ serviceName: 'a'.repeat(64) }), 'services[0].serviceName', /DNS label|63/),
  contradiction(
    'a name twice',
    { services: [...oneService('web').services, ...oneService('web').services] },
    'services[1].serviceName',
    /twice/,
  ),
  body('no image', service({ container: { name: 'web' } }), 'services[0].container.image', /required/),
  body('an empty image', container({ image: '' }), 'services[0].container.image', /image reference|at least 1/),
  body('an image with a space', container({ image: 'ng inx' }), 'services[0].container.image', /image reference/),
  body(
    'an image with capitals',
    container({ image: 'Nginx' }),
    'services[0].container.image',
    /repository name is lower-case/,
  ),
  refusedImage(
    'an id as image',
    container({ image: 'a'.repeat(64) }),
    'services[0].container.image',
    /64 hexadecimal digits/,
  ),
  refusedImage(
    'a long image',
    container({ image: `${'a/'.repeat(140)}b` }),
    'services[0].container.image',
    /281 characters; .*255/,
  ),
  body('an image with an option', container({ image: '--help' }), 'services[0].container.image', /image reference/),
  body('an image with a URL', container({ image: 'http://x/y' }), 'services[0].container.image', /image reference/),
  body('an image with two tags', container({ image: 'nginx:1:2' }), 'services[0].container.image', /image reference/),
  body('a short digest', container({ image: 'nginx@sha256:abc' }), 'services[0].container.image', /image reference/),
  body('NUL in an argument', container({ args: ['a\u0000'] }), 'services[0].container.args[0]', /text without/),
  body(
    'a long argument',
    container({ args: ['a', 'b'.repeat(32_769)] }),
    'services[0].container.args[1]',
    /at most 32768/,
  ),
  body('many arguments', container({ args: Array(257).fill('a') }), 'services[0].container.args', /at most 256 items/),
  body('text turned around', container({ args: ['\u202e'] }), 'services[0].container.args[0]', /text without/),
  body('half a surrogate pair', container({ args: ['\ud800'] }), 'services[0].container.args[0]', /text without/),
  body(
    'an env name with =',
    container({ env: { 'A=B': '1' } }),
    'services[0].container.env.A=B',
    /environment variable/,
  ),
  body('an env value as number', container({ env: { A: 1 } }), 'services[0].container.env.A', /text without/),
  body('an env value with NUL', container({ env: { A: '\u0000' } }), 'services[0].container.env.A', /text without/),
  body(
    'a secret with a path',
    container({ env: { A: { secret: '../x' } } }),
    'services[0].container.env.A.secret',
    /secret/,
  ),
  body(
    'a label of ours',
    container({ labels: { 'co.node': 'x' } }),
    'services[0].container.labels.co.node',
    /none of co\.cluster, .*co\.node/,
  ),
  body('port 0', container({ ports: [{ container: 0 }] }), 'services[0].container.ports[0].container', /at least 1/),
  body(
    'port 65536',
    container({ ports: [{ container: 80, host: 65_536 }] }),
    'services[0].container.ports[0].host',
    /65535/,
  ),
  body(
    'another protocol',
    container({ ports: [{ container: 80, protocol: 'sctp' }] }),
    'services[0].container.ports[0].protocol',
    /tcp or udp/,
  ),
  body(
    'a port twice',
    container({ ports: [{ container: 80 }, { container: 80 }] }),
    'services[0].container.ports[1]',
    /twice/,
  ),
  contradiction(
    'a host port twice',
    container({
      ports: [
        { container: 80, host: 80 },
        { container: 81, host: 80 },
      ],
    }),
    'services[0].container.ports[1]',
    /twice/,
  ),
  body(
    'too little memory',
    container({ resources: { memoryBytes: 1 } }),
    'services[0].container.resources.memoryBytes',
    /bytes/,
  ),
  body(
    'a thousandth of a CPU',
    container({ resources: { cpus: 0.001 } }),
    'services[0].container.resources.cpus',
    /0\.01/,
  ),
  body('no CPU', container({ resources: { cpus: 0 } }), 'services[0].container.resources.cpus', /CPUs/),
  body('an endless stop', container({ stopTimeoutSeconds: 3601 }), 'services[0].container.stopTimeoutSeconds', /3600/),
  body(
    'a pause without a grace',
    container({ pausedGraceSeconds: 0 }),
    'services[0].container.pausedGraceSeconds',
    /null or from 1 to 3600/,
  ),
  {
    what: 'broken JSON',
    text: '{"services":[\n{"serviceName":"web",,}]}',
    headers: json,
    status: 400,
    code: 'json_invalid',
  },
  { what: 'JSON cut off', text: '{"services":[', headers: json, status: 400, code: 'json_invalid' },
  {
    what: 'bytes that are no text',
    text: Buffer.from([0x7b, 0xff, 0x7d]),
    headers: json,
    status: 400,
    code: 'json_invalid',
  },
  { what: 'no body', headers: { ...json, 'content-length': '0' }, status: 400, code: 'json_invalid' },
  {
    what: 'plain text',
    text: JSON.stringify(oneService()),
    headers: { 'content-type': 'text/plain' },
    status: 415,
    code: 'content_type_unsupported',
  },
  {
    what: 'a form',
    text: 'a=b',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'content_type_unsupported',
  },
  {
    what: 'a body without a type',
    text: JSON.stringify(oneService()),
    headers: {},
    status: 415,
    code: 'content_type_unsupported',
  },
  {
    what: '2 MiB',
    text: `{"services":"${'x'.repeat(2 * 1024 * 1024)}"}`,
    headers: json,
    status: 413,
    code: 'body_too_large',
  },
  {
    what: 'an Idempotency-Key with a space',
    body: oneService(),
    headers: { 'idempotency-key': 'a b' },
    status: 400,
    code: 'header_invalid',
    field: 'Idempotency-Key',
    rule: /printable/,
  },
];

function assertProblem(answer: Answer, { status, code, field, rule }: Expected): void {
  assert.is(answer.status, status, answer.text);
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
  assert.is(answer.body.code, code);
  assert.is(answer.body.status, status);
  assert.type(answer.body.type, 'string');
  assert.type(answer.body.title, 'string');
  assert.type(answer.body.detail, 'string');
  if (field === undefined) return;
  assert.is(answer.body.errors[0].field, field);
  assert.match(answer.body.errors[0].rule, rule!);
}

/** Nothing but the refusal follows `before`. */
async function assertRefused(before: number, method: string, path: string, { status, code }: Expected): Promise<void> {
  const refusals = await until('the refusal is recorded', async () => {
    const { events } = await api.log.read({ after: before, class: 'fact' });
    return events.length > 0 ? events : null;
  });
  assert.equal(
    refusals.map(({ type, data, meta }) => ({ type, ...data, actor: meta.actor, detail: '' })),
    [{ type: 'RequestRefused', method, path, status, code, actor: 'person:local', detail: '', address: '127.0.0.1' }],
  );
}

for (const { what, body: sent, text, headers, ...expected } of posts) {
  test(`POST /service refuses ${what}`, async () => {
    const before = (await api.log.head()).position;
    const options: CallOptions = { ...(headers ? { headers } : {}), ...(text === undefined ? {} : { text }) };
    const answer = await api.call('POST', '/service', sent === undefined ? options : { ...options, body: sent });
    assertProblem(answer, expected);
    await assertRefused(before, 'POST', '/service', expected);
    assert.is(api.projector.view.services.size, 0);
  });
}

const others: ({ what: string; method: string; path: string; body?: unknown } & Expected)[] = [
  { what: 'an unknown service', method: 'DELETE', path: '/service/none', status: 404, code: 'service_not_found' },
  {
    what: 'a patch of an unknown service',
    method: 'PATCH',
    path: '/service/none',
    body: { replicas: 1 },
    status: 404,
    code: 'service_not_found',
  },
  {
    what: 'an empty patch',
    method: 'PATCH',
    path: '/service/web',
    body: {},
    status: 400,
    code: 'body_invalid',
    field: 'body',
    rule: /at least 1 member/,
  },
  {
    what: 'a patch with an empty container',
    method: 'PATCH',
    path: '/service/web',
    body: { container: {} },
    status: 400,
    code: 'body_invalid',
    field: 'container',
    rule: /at least 1 member/,
  },
  {
    what: 'a name no service can have',
    method: 'DELETE',
    path: '/service/NO',
    status: 400,
    code: 'path_invalid',
    field: 'name',
    rule: /DNS label/,
  },
  { what: 'an unknown node', method: 'POST', path: '/node/worker-9/drain', status: 404, code: 'node_not_found' },
  {
    what: 'a body where none belongs',
    method: 'POST',
    path: '/node/worker-9/drain',
    body: { force: true },
    status: 400,
    code: 'body_invalid',
    field: 'body',
    rule: /empty/,
  },
  { what: 'an unknown path', method: 'POST', path: '/services', body: {}, status: 404, code: 'route_not_found' },
  { what: 'a wrong method', method: 'PUT', path: '/service/web', body: {}, status: 405, code: 'method_not_allowed' },
];

for (const { what, method, path, body: sent, ...expected } of others) {
  test(`${method} refuses ${what}`, async () => {
    const before = (await api.log.head()).position;
    const answer = await api.call(method, path, sent === undefined ? {} : { body: sent });
    assertProblem(answer, expected);
    await assertRefused(before, method, path, expected);
  });
}

test('a wrong method names the right ones', async () => {
  const { headers } = await api.call('PUT', '/service/web');
  assert.is(headers.allow, 'DELETE, GET, HEAD, PATCH');
});

const reads: [path: string, field: string, rule: RegExp][] = [
  ['/service_state?state=happy', 'state', /converged/],
  ['/service_state?colour=red', 'colour', /not a known field/],
  ['/container_state?ended=maybe', 'ended', /true, false/],
  ['/node_state?node=a&node=b', 'node', /must be a string/],
  ['/events?after=-1', 'after', /a position/],
  ['/events?after=1e3', 'after', /a position/],
  ['/events?limit=0', 'limit', /1 to 1000/],
  ['/events?limit=1001', 'limit', /1 to 1000/],
  ['/events?direction=sideways', 'direction', /forward or backward/],
  ['/events?type=Nothing', 'type', /types of events/],
  ['/events?since=yesterday', 'since', /UTC/],
  ['/events?since=2026-13-45T00:00:00Z', 'since', /UTC/],
];

for (const [path, field, rule] of reads) {
  test(`GET ${path} is refused`, async () => {
    assertProblem(await api.call('GET', path), { status: 400, code: 'query_invalid', field, rule });
  });
}

test('a refusal of invalid JSON names the place of the error without quoting the body', async () => {
  const secret = 'hunter2';
  const { body: problem } = await api.call('POST', '/service', {
    text: `{"a": "${secret}",\n "b": ${secret}}`,
    headers: json,
  });
  assert.match(problem.detail, /line 2, column 7/);
  assert.not.match(JSON.stringify(problem), secret);
});

test('a refusal keeps neither body nor query string', async () => {
  await api.call('POST', '/service?token=hunter2', {
    body: container({ image: 'HUNTER2', env: { PASSWORD: 'hunter2' } }),
  });
  await until('the refusal is recorded', async () =>
    (await api.events('RequestRefused')).some(({ data }) =>
      JSON.stringify(data).includes('services[0].container.image'),
    ),
  );
  const { events } = await api.log.read({ limit: 1000 });
  assert.not.match(JSON.stringify(events), /hunter2/i);
});

for (const image of [
  'nginx',
  'nginx:1.27-alpine',
  'library/nginx',
  'registry.example:5000/team/app:v1',
  `nginx@${digest}`,
  `localhost/a_b/c--d:Tag@${digest}`,
]) {
  test(`the image ${image} is accepted`, async () => {
    const { status, text } = await api.call('POST', '/service', { body: oneService('images', 1, image) });
    assert.is(status, 202, text);
  });
}

test.run();
