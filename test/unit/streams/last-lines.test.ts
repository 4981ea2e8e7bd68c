import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterView, ContainerView } from '../../../src/projections/view/cluster-view.ts';
import { endedContainersOf, lastLinesOf } from '../../../src/streams/last-lines.ts';

const test = suite('last lines');

const since = '2026-01-01T00:00:10.000Z';
const ended = (id: string, queuedPosition: number, logTail: string[] = ['a', 'b', 'c']) =>
  ({
    id,
    service: 'web',
    slot: Number(id.at(4)),
    state: 'completed',
    since,
    queuedPosition,
    logTail,
  }) as unknown as ContainerView;
const viewOf = (...containers: ContainerView[]) =>
  ({ containers: new Map(containers.map((container) => [container.id, container])) }) as unknown as ClusterView;

const textsOf = (options: { tail: number | null; since: string | null }) => {
  const [problem, lines] = lastLinesOf(ended('web.1-a', 1), options);
  assert.ok(problem && 'problem' in problem && lines && 'lines' in lines);
  return lines.lines.map(({ text }) => text);
};

test('as many as are asked for, and none that are older', () => {
  assert.equal(textsOf({ tail: null, since: null }), ['a', 'b', 'c']);
  assert.equal(textsOf({ tail: 2, since: null }), ['b', 'c']);
  assert.equal(textsOf({ tail: 0, since: null }), []);
  assert.equal(textsOf({ tail: null, since }), ['a', 'b', 'c']);
  assert.equal(textsOf({ tail: null, since: '2026-01-01T00:00:11.000Z' }), []);
  assert.equal(lastLinesOf(ended('web.1-a', 1, []), { tail: null, since: null }), []);
});

test('of a service the newest of each slot, of which the log has lines', () => {
  const other = { ...ended('api.1-a', 9), service: 'api' };
  const view = viewOf(ended('web.2-b', 5), ended('web.1-c', 7), ended('web.1-a', 1), ended('web.3-d', 8, []), other);
  assert.equal(
    endedContainersOf(view, 'web').map(({ id }) => id),
    ['web.1-c', 'web.2-b'],
  );
});

test.run();
