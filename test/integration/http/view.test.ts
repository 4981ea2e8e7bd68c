/** GET /view: what a browser folds on from is what the manager folded, now and at every position of the past. */

import { request as httpRequest } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseView } from '../../../src/projections/snapshots/view-text.ts';
import type { ClusterView } from '../../../src/projections/view/cluster-view.ts';
import { evolve, projectionVersion } from '../../../src/projections/view/evolve.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { appendSeeds } from '../../support/http/seeds.ts';

const test = suite('GET /view');
let api: TestApi;
let last: number;

test.before(async () => {
  api = await startApi(await openMemoryLog(), { tokens: [{ name: 'ada', token: 'reads', scope: 'read' }] });
  last = await appendSeeds(api.log);
  await api.projector.waitFor(last);
});
test.after(async () => {
  await api.close();
  await api.log.close();
});

const ada = { headers: { authorization: 'Bearer reads' } };

async function readView(query = ''): Promise<ClusterView> {
  const { status, body, text } = await api.call('GET', `/view${query}`, ada);
  assert.is(status, 200, text);
  assert.is(body.projectionVersion, projectionVersion);
  const view = parseView(body.view);
  assert.equal([body.position, body.at, body.containers], [view.position, view.at, view.containers.size]);
  return view;
}

test('is the live view', async () => {
  const view = await readView();
  assert.is(view.factPosition, last);
  assert.equal(view, structuredClone(api.projector.view));
});

test('folding the events behind a position of the past comes to the live view', async () => {
  const events = await api.events();
  const live = structuredClone(api.projector.view);
  for (const start of events) {
    const view = await readView(`?at=${start.position}`);
    assert.is(view.position, start.position);
    for (const event of events) if (event.position > start.position) evolve(view, event);
    assert.equal(view, live);
  }
});

test('comes compressed to those that can read it', async () => {
  const headers = { ...ada.headers, 'accept-encoding': 'gzip, br' };
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const request = httpRequest(new URL('/view', api.url), { headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      assert.is(answer.headers['content-encoding'], 'gzip');
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
    });
    request.on('error', reject).end();
  });
  assert.is(JSON.parse(gunzipSync(bytes).toString()).projectionVersion, projectionVersion);
});

test('its tag says the position and the version of the fold; who has it gets no more', async () => {
  for (const [query, position] of [
    ['', api.projector.view.position],
    ['?at=5', 5],
  ] as const) {
    const { headers } = await api.call('GET', `/view${query}`, ada);
    const tag = `"${projectionVersion}-${position}"`;
    assert.equal([headers.etag, headers['cache-control']], [tag, 'private, no-cache']);
    const conditional = { headers: { ...ada.headers, 'if-none-match': tag } };
    const again = await api.call('GET', `/view${query}`, conditional);
    assert.equal([again.status, again.text, again.headers.etag], [304, '', tag]);
    const other = await api.call('GET', '/view?at=6', conditional);
    assert.equal([other.status, other.body.position], [200, 6]);
  }
});

test('callers at the same time get the same bytes', async () => {
  for (const query of ['', '?at=7']) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => api.call('GET', `/view${query}`, ada)));
    assert.is(new Set(answers.map(({ text }) => text)).size, 1);
    assert.is(answers[0]!.status, 200);
  }
});

test('a position beyond the head is refused, and so is a call without a token', async () => {
  assert.is((await api.call('GET', '/view?at=999999', ada)).body.code, 'moment_in_future');
  assert.is((await api.call('GET', '/view')).body.code, 'unauthenticated');
});

test('GET /session says who calls, and what they may do', async () => {
  const { body } = await api.call('GET', '/session', ada);
  assert.equal(body, { actor: 'person:ada', scopes: ['read'], hasToken: true });
});

test.run();
