/** What a request means for the cluster as it is: given what happened, when somebody asks, then these events. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../../../src/errors.ts';
import { type LogEvent, type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { type ApiRequest, decide, outcomeOf } from '../../../../src/reconciler/commands/decide.ts';
import { openMapEntriesMax } from '../../../../src/reconciler/commands/named-entries.ts';
import { specBytesMax } from '../../../../src/reconciler/commands/spec-limit.ts';
import { createHistory, spec } from '../../../support/log/history.ts';
import { refusal } from '../../../support/refusal.ts';

const test = suite('decide');
const context = { actor: 'person:ada', requestId: 'r1' };
const settings = { nodeTimeoutMs: 5_000 };

const apply = (service: string, replicas: number | null, changes: Partial<ContainerSpec> = {}): ApiRequest => ({
  kind: 'apply',
  specs: [{ service, replicas, container: spec(changes) }],
});
const remove = (service: string): ApiRequest => ({ kind: 'remove', service });
const removed = (service: string): NewEvent => ({
  stream: streams.service(service),
  type: 'ServiceRemoved',
  data: { service },
  meta: { actor: 'controller', causationId: null },
});

/** Requests are decided and folded, events just folded. */
function given(...history: (ApiRequest | NewEvent | LogEvent)[]) {
  const view = emptyClusterView();
  const versions = new Map<string, number>();
  const fold = (event: NewEvent | LogEvent) => {
    const version = (versions.get(event.stream) ?? 0) + 1;
    versions.set(event.stream, version);
    const position = view.position + 1;
    const meta = { ...event.meta, eventId: `e${position}`, correlationId: `c${position}` };
    evolve(view, { ...event, position, version, at: '2026-01-01T00:00:00.000Z', meta } as unknown as LogEvent);
  };
  for (const step of history) {
    if ('kind' in step) for (const event of decide(view, step, context, settings).events) fold(event);
    else fold(step);
  }
  return {
    view,
    when(request: ApiRequest) {
      const decided = () => decide(view, request, context, settings);
      return {
        gives: (expected: { type: string; [member: string]: unknown }[], expect?: Record<string, number>) => {
          const { events, expect: expectations } = decided();
          const seen = events.map(({ type, data }, index) => {
            const wanted = Object.keys(expected[index] ?? {});
            const all: Record<string, unknown> = { ...data, type };
            return Object.fromEntries(wanted.map((member) => [member, all[member]]));
          });
          assert.equal(seen, expected);
          if (expect) {
            assert.equal(Object.fromEntries(expectations.map(({ stream, version }) => [stream, version])), expect);
          }
        },
        refused: (code: string) => {
          try {
            decided();
          } catch (error) {
            assert.instance(error, AppError);
            assert.is((error as AppError).code, code);
            return error as AppError;
          }
          assert.unreachable(`expected ${code}`);
        },
      };
    },
  };
}

test('a new service gets its whole spec, as generation 1, and expects that no other request creates it', () => {
  given()
    .when(apply('web', 3))
    .gives([{ type: 'ServiceRequested', service: 'web', generation: 1, changed: true, replicas: 3 }], {
      'service/web': 0,
    });
});

test('the same request twice changes nothing the second time, and the request is recorded', () => {
  given(apply('web', 3))
    .when(apply('web', 3))
    .gives([{ type: 'ServiceRequested', generation: 1, changed: false, replicas: 3 }], { 'service/web': 1 });
});

test('a request with other replicas only scales', () => {
  given(apply('web', 3))
    .when(apply('web', 5))
    .gives([{ type: 'ServiceScaled', generation: 2, from: 3, replicas: 5 }]);
});

test('a request that names no replicas keeps as many as there are; a new service gets one', () => {
  given(apply('web', 3))
    .when(apply('web', null, { image: 'nginx:2' }))
    .gives([{ type: 'ServiceRequested', generation: 2, changed: true, replicas: 3 }]);
  given()
    .when(apply('web', null))
    .gives([{ type: 'ServiceRequested', generation: 1, changed: true, replicas: 1 }]);
});

test('a request with another image is recorded as a whole spec', () => {
  given(apply('web', 3))
    .when(apply('web', 5, { image: 'nginx:1.27' }))
    .gives([{ type: 'ServiceRequested', generation: 2, changed: true, replicas: 5 }]);
});

test('a member left out of a whole spec returns to its default', () => {
  const { view, when } = given(apply('web', 1, { args: ['-v'] }));
  when(apply('web', 1)).gives([{ type: 'ServiceRequested', changed: true, container: spec() }]);
  assert.equal(view.services.get('web')?.spec.args, ['-v'], 'deciding changed the view');
});

test('all services of one request are one decision, each expecting its own stream', () => {
  const both: ApiRequest = {
    kind: 'apply',
    specs: [
      { service: 'api', replicas: 2, container: spec() },
      { service: 'web', replicas: 4, container: spec() },
    ],
  };
  given(apply('web', 3))
    .when(both)
    .gives(
      [
        { type: 'ServiceRequested', service: 'api', generation: 1 },
        { type: 'ServiceScaled', service: 'web', generation: 2 },
      ],
      { 'service/api': 0, 'service/web': 1 },
    );
});

test('a patch keeps what it does not name', () => {
  given(apply('web', 3, { args: ['-v'], stopTimeoutSeconds: 30 }))
    .when({ kind: 'patch', service: 'web', container: { image: 'nginx:2' } })
    .gives([
      {
        type: 'ServiceRequested',
        generation: 2,
        replicas: 3,
        container: spec({ args: ['-v'], stopTimeoutSeconds: 30, image: 'nginx:2' }),
      },
    ]);
});

for (const [asked, before, after] of [
  [60, {}, { pausedGraceSeconds: 60 }],
  [null, { pausedGraceSeconds: 60 }, { pausedGraceSeconds: null }],
  [10, { pausedGraceSeconds: null }, {}],
] as const) {
  test(`a patch of the grace of a pause to ${asked} is stored unless it is the default`, () => {
    given(apply('web', 3, before))
      .when({ kind: 'patch', service: 'web', container: { pausedGraceSeconds: asked } })
      .gives([{ type: 'ServiceRequested', generation: 2, replicas: 3, container: spec(after) }]);
  });
}

test('a patch of something else keeps the grace of a pause', () => {
  given(apply('web', 3, { pausedGraceSeconds: null }))
    .when({ kind: 'patch', service: 'web', container: { image: 'nginx:2' } })
    .gives([
      {
        type: 'ServiceRequested',
        generation: 2,
        replicas: 3,
        container: spec({ pausedGraceSeconds: null, image: 'nginx:2' }),
      },
    ]);
});

test('a patch of the replicas scales', () => {
  given(apply('web', 3))
    .when({ kind: 'patch', service: 'web', replicas: 0 })
    .gives([{ type: 'ServiceScaled', from: 3, replicas: 0 }]);
});

test('a patch merges env by name, takes out what is removed and keeps the order', () => {
  const env = [
    { name: 'A', value: '1' },
    { name: 'C', value: '3' },
  ];
  given(apply('web', 1, { env }))
    .when({
      kind: 'patch',
      service: 'web',
      container: {
        env: [
          { name: 'C', removed: true },
          { name: 'D', secret: 'd' },
          { name: 'B', value: '2' },
        ],
      },
    })
    .gives([
      {
        type: 'ServiceRequested',
        container: spec({
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
            { name: 'D', secret: 'd' },
          ],
        }),
      },
    ]);
});

test('a patch that equals the spec changes nothing', () => {
  given(apply('web', 3))
    .when({ kind: 'patch', service: 'web', replicas: 3, container: { image: 'nginx' } })
    .gives([{ type: 'ServiceRequested', generation: 1, changed: false }]);
});

test('a patch cannot grow env or labels beyond their limit', () => {
  const names = Array.from({ length: openMapEntriesMax }, (_, n) => ({ name: `V${n}`, value: '' }));
  const error = given(apply('web', 1, { env: names }))
    .when({ kind: 'patch', service: 'web', container: { env: [{ name: 'MORE', value: '' }] } })
    .refused('service_too_large');
  assert.is(error?.details.field, 'container.env');
});

test('a container spec over the size limit is refused by its field, one that was accepted before is kept', () => {
  const env = [1, 2].map((n) => ({ name: `V${n}`, value: 'x'.repeat(specBytesMax / 2) }));
  const error = given()
    .when({ kind: 'apply', specs: [{ service: 'web', replicas: 1, container: spec({ env }) }] })
    .refused('service_too_large');
  assert.is(error?.details.field, 'services[0].container');
  assert.match(error?.message ?? '', `at most ${specBytesMax} bytes`);
  const patched = given(apply('web', 1, { env: env.slice(0, 1) }))
    .when({ kind: 'patch', service: 'web', container: { env: env.slice(1) } })
    .refused('service_too_large');
  assert.is(patched?.details.field, 'container');
  const history = createHistory();
  history.serviceRequested('web', 1, spec({ env }));
  given(...history.events)
    .when({ kind: 'patch', service: 'web', replicas: 2 })
    .gives([{ type: 'ServiceScaled', replicas: 2 }]);
});

test('a removal is requested once, and a repeat changes nothing', () => {
  given(apply('web', 3))
    .when(remove('web'))
    .gives([{ type: 'ServiceRemovalRequested', generation: 2 }], { 'service/web': 1 });
  given(apply('web', 3), remove('web'))
    .when(remove('web'))
    .gives([{ type: 'ServiceRequested', generation: 2, changed: false }], { 'service/web': 2 });
});

test('a repeated removal leaves the service in removal', () => {
  const { view } = given(apply('web', 3), remove('web'), remove('web'));
  assert.is(view.services.get('web')?.removing, true);
});

test('a request for a service in removal revives it, also the same one', () => {
  const { view } = given(apply('web', 3), remove('web'), apply('web', 3));
  assert.is(view.services.get('web')?.removing, false);
  assert.is(view.services.get('web')?.replicas, 3);
  assert.is(view.services.get('web')?.generation, 3);
});

test('generation and stream version continue after a removal', () => {
  given(apply('web', 3), remove('web'), removed('web'))
    .when(apply('web', 1))
    .gives([{ type: 'ServiceRequested', generation: 3, changed: true }], { 'service/web': 3 });
});

test('an unknown service cannot be patched or removed', () => {
  given().when(remove('web')).refused('service_not_found');
  given().when({ kind: 'patch', service: 'web', replicas: 1 }).refused('service_not_found');
  given(apply('web', 1), remove('web'), removed('web')).when(remove('web')).refused('service_not_found');
});

test('a service in removal cannot be patched', () => {
  given(apply('web', 1), remove('web'))
    .when({ kind: 'patch', service: 'web', replicas: 1 })
    .refused('service_removing');
});

const withNode = () => {
  const history = createHistory();
  history.node('worker-1');
  return history.events;
};
const lost: NewEvent = {
  stream: streams.node('worker-1'),
  type: 'NodeLost',
  data: { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6_000 },
  meta: { actor: 'controller', causationId: null },
};

test('a node is cordoned, drained and activated, expecting the version of its stream', () => {
  for (const [action, type] of [
    ['cordon', 'NodeCordoned'],
    ['drain', 'NodeDrainRequested'],
    ['activate', 'NodeActivated'],
  ] as const) {
    given(...withNode())
      .when({ kind: 'node', node: 'worker-1', action })
      .gives([{ type, node: 'worker-1' }], { 'node/worker-1': 1 });
  }
});

const tenSecondsBefore = '2025-12-31T23:59:50.000Z';
const declareLost: ApiRequest = { kind: 'node', node: 'worker-1', action: 'lost' };

/** The view is of 2026-01-01T00:00:00.000Z. */
function withHeartbeat(at: string): LogEvent[] {
  const history = createHistory();
  history.node('worker-1');
  history.add('HeartbeatsReceived', {
    heartbeats: [{ node: 'worker-1', session: 1, sequence: 1, at, containers: 0 }],
  });
  return history.events;
}

test('a silent node can be declared lost, with how long it has been silent', () => {
  given(...withHeartbeat(tenSecondsBefore))
    .when(declareLost)
    .gives([{ type: 'NodeLost', node: 'worker-1', session: 1, lastHeardAt: tenSecondsBefore, silentMs: 10_000 }]);
  given(...withHeartbeat('2025-12-31T23:59:59.000Z'))
    .when(declareLost)
    .refused('node_heard');
  given(...withNode(), lost)
    .when(declareLost)
    .gives([{ type: 'NodeLost' }]);
  given().when(declareLost).refused('node_not_found');
});

test('how recent a heartbeat keeps a node from being declared lost is the node timeout', async () => {
  const { view } = given(...withHeartbeat(tenSecondsBefore));
  const decideWith = (nodeTimeoutMs: number) => decide(view, declareLost, context, { nodeTimeoutMs });
  assert.is(decideWith(10_000).events[0]?.type, 'NodeLost');
  assert.is((await refusal(async () => decideWith(10_001))).code, 'node_heard');
});

test('only a lost node can be removed, and an unknown one cannot be changed', () => {
  given(...withNode())
    .when({ kind: 'node', node: 'worker-1', action: 'remove' })
    .refused('node_not_lost');
  given(...withNode(), lost)
    .when({ kind: 'node', node: 'worker-1', action: 'remove' })
    .gives([{ type: 'NodeRemoved', node: 'worker-1' }]);
  given().when({ kind: 'node', node: 'worker-9', action: 'drain' }).refused('node_not_found');
});

test('the outcome of a request is derived from its events alone', () => {
  const { view } = given(apply('web', 3));
  const said = (request: ApiRequest) => outcomeOf(decide(view, request, context, settings).events);
  assert.equal(said(apply('web', 3)).services, [{ serviceName: 'web', generation: 1, changed: false }]);
  assert.equal(said(apply('web', 4)).services, [{ serviceName: 'web', generation: 2, changed: true }]);
  assert.equal(said(remove('web')).services, [{ serviceName: 'web', generation: 2, changed: true }]);
});

test('each event names its actor and request, and has no cause in the log', () => {
  const [event] = decide(emptyClusterView(), apply('web', 1), context, settings).events;
  assert.equal(event?.meta, { actor: 'person:ada', requestId: 'r1', causationId: null });
});

test.run();
