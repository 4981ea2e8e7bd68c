/** What every answer carries for browsers, what is not a request at all, and parameters that no route knows. */

import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('headers');
let api: TestApi;

test.before(async () => {
  api = await startApi(await openMemoryLog());
});
test.after(async () => {
  await api.close();
  await api.log.close();
});

/** Sends bytes on a socket of their own. @returns all that came back, when the server has closed it */
function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(api.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

for (const [method, path] of [
  ['GET', '/state'],
  ['GET', '/events'],
  ['GET', '/nothing'],
  ['POST', '/service'],
  ['GET', '/healthz'],
  ['GET', '/metrics'],
] as const) {
  test(`${method} ${path} is not sniffed, framed, stored or run`, async () => {
    const { headers } = await api.call(method, path);
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.is(headers['x-frame-options'], 'DENY');
    assert.is(headers['cache-control'], 'no-store');
    assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
  });
}

test('the page of the documentation may load its own scripts, and may not be framed', async () => {
  const { headers, status } = await api.call('GET', '/docs');
  assert.is(status, 200);
  assert.match(String(headers['content-security-policy']), /default-src 'self'.*frame-ancestors 'none'/);
  assert.is(headers['x-content-type-options'], 'nosniff');
});

const unreadable = [
  ['a method that HTTP does not have', 'FETCH /state HTTP/1.1\r\nhost: a\r\n\r\n', 405, 'method_not_allowed'],
  ['another protocol', 'GET /state HTTQ/1.1\r\n\r\n', 400, 'request_invalid'],
  ['a header without a name', 'GET /state HTTP/1.1\r\n: b\r\n\r\n', 400, 'request_invalid'],
  ['more headers than fit', `GET / HTTP/1.1\r\na: ${'b'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
] as const;

for (const [what, text, status, code] of unreadable) {
  test(`${what} is answered by a problem document`, async () => {
    const answer = await sendRaw(text);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /content-type: application\/problem\+json/);
    if (status === 405) assert.match(head, /allow: GET, /);
    assert.equal([JSON.parse(body).code, JSON.parse(body).status], [code, status]);
  });
}

for (const [method, path, body] of [
  ['POST', '/service?dryrun=true', oneService()],
  ['PATCH', '/service/web?x=1', { replicas: 1 }],
  ['DELETE', '/service/web?x=1', undefined],
  ['GET', '/service/web?atPosition=1', undefined],
  ['GET', '/container/web.1-1/why?at=1', undefined],
  ['POST', '/node/worker-1/drain?force=true', undefined],
  ['DELETE', '/node/worker-1?force=true', undefined],
  ['POST', '/whatif?x=2', { changes: [{ kind: 'kill', node: 'worker-1' }] }],
  ['GET', '/healthz?x=1', undefined],
  ['GET', '/metrics?x=1', undefined],
] as const) {
  test(`${method} ${path}: a parameter that the route does not know is refused by name`, async () => {
    const { status, body: problem } = await api.call(method, path, body === undefined ? {} : { body });
    assert.equal([status, problem.code], [400, 'query_invalid'], JSON.stringify(problem));
    assert.match(problem.errors[0].field, /^(dryrun|x|atPosition|at|force)$/);
    assert.equal(await api.events('ServiceRequested'), []);
  });
}

test('a route that takes no body takes an empty one of JSON', async () => {
  const headers = { 'content-type': 'application/json' };
  const { status, body } = await api.call('POST', '/node/worker-1/cordon', { headers });
  assert.equal([status, body.code], [404, 'node_not_found']);
  const post = await api.call('POST', '/service', { headers });
  assert.equal([post.status, post.body.code], [400, 'json_invalid']);
});

test.run();
