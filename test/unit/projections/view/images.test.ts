/** What the image of a spec means over the life of a service: given a history, then this digest. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { streams } from '../../../../src/events/schema/event.ts';
import { serviceRow } from '../../../../src/projections/rows/service-row.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { imagesKept } from '../../../../src/projections/view/image-view.ts';
import { createHistory, type History, spec, specHashOf } from '../../../support/log/history.ts';

const test = suite('images of a service');
const [d1, d2] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];
const [one, two] = [spec({ image: 'app:1' }), spec({ image: 'app:2' })];

function serviceOf({ events }: History) {
  const view = emptyClusterView();
  for (const event of events) evolve(view, event);
  const service = view.services.get('web')!;
  return { images: service.images, row: serviceRow(view, service) };
}

/** Of the request at a position. */
function resolve(history: History, requestedPosition: number, container = one, digest: string | null = d1) {
  const data = { service: 'web', generation: 1, specHash: specHashOf(container), image: container.image, digest };
  const reason = digest === null ? 'not in a registry' : null;
  const said = { ...data, reason, container: 'web.1-a', node: 'worker-1' };
  history.add('ImageResolved', said, streams.image('web', requestedPosition));
}

function given(): { history: History; requested: number } {
  const history = createHistory();
  history.node('worker-1');
  const { position: requested } = history.serviceRequested('web', 1, one);
  return { history, requested };
}

test('it is not resolved until a node has said so, and the row says that', () => {
  const { history, requested } = given();
  const { row } = serviceOf(history);
  assert.equal([row.imageDigest, row.imageDigestReason], [null, 'no node has resolved it yet']);
  resolve(history, requested);
  const resolved = serviceOf(history).row;
  assert.equal([resolved.imageDigest, resolved.imageDigestReason, resolved.position], [d1, null, requested + 1]);
});

test('an image without a digest says why', () => {
  const { history, requested } = given();
  resolve(history, requested, one, null);
  const { row } = serviceOf(history);
  assert.equal([row.imageDigest, row.imageDigestReason], [null, 'not in a registry']);
});

test('a spec that names a digest needs no node', () => {
  const history = createHistory();
  history.serviceRequested('web', 1, spec({ image: `app@${d2}` }));
  assert.is(serviceOf(history).row.imageDigest, d2);
});

test('a spec that is requested again after another is resolved again', () => {
  const { history, requested } = given();
  resolve(history, requested);
  history.serviceRequested('web', 1, two);
  history.serviceRequested('web', 1, one);
  assert.is(serviceOf(history).row.imageDigest, null);
  // What a node said about the first request comes too late.
  resolve(history, requested, one, d2);
  assert.is(serviceOf(history).row.imageDigest, null);
});

test('one that still runs means what it meant', () => {
  const { history, requested } = given();
  history.running(history.queued('web', 1, 'worker-1'));
  resolve(history, requested);
  history.serviceRequested('web', 1, two);
  history.serviceRequested('web', 1, one);
  assert.is(serviceOf(history).row.imageDigest, d1);
});

test('a rollback brings the digest back with the spec', () => {
  const { history, requested } = given();
  resolve(history, requested);
  history.serviceRequested('web', 1, two);
  const again = {
    service: 'web',
    generation: 3,
    changed: true,
    replicas: 1,
    container: one,
    specHash: specHashOf(one),
  };
  history.add('ServiceRequested', { ...again, rollbackTo: 1 });
  assert.is(serviceOf(history).row.imageDigest, d1);
});

test('more replicas, or other policies, are no other spec', () => {
  const { history, requested } = given();
  resolve(history, requested);
  history.add('ServiceScaled', { service: 'web', generation: 2, from: 1, replicas: 5 });
  history.serviceRequested('web', 3, one);
  assert.is(serviceOf(history).row.imageDigest, d1);
});

test('a service that was removed and comes back is resolved again', () => {
  const { history, requested } = given();
  resolve(history, requested);
  history.add('ServiceRemovalRequested', { service: 'web', generation: 2 });
  history.add('ServiceRemoved', { service: 'web' });
  history.serviceRequested('web', 1, one);
  assert.is(serviceOf(history).row.imageDigest, null);
});

test('of a service that changes for ever the last hundred specs are kept, and the present one', () => {
  const { history } = given();
  for (let n = 0; n < imagesKept + 20; n += 1) history.serviceRequested('web', 1, spec({ image: `app:${n}` }));
  const { images, row } = serviceOf(history);
  assert.is(images.size, imagesKept);
  assert.ok(images.has(row.specHash));
});

test.run();
