/** Commands of clients on a real log in memory, of one manager and of several. */

import { randomUUID } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../../src/clock.ts';
import { AppError } from '../../../../src/errors.ts';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { createProjector, type Projector } from '../../../../src/projections/live/projector.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { createCommandHandler, type HandleCommand } from '../../../../src/reconciler/append/command-handler.ts';
import type { ApiRequest } from '../../../../src/reconciler/commands/decide.ts';
import { openMemoryLog } from '../../../support/http/http-logs.ts';
import { readAll } from '../../../support/log/log-events.ts';
import { refusal } from '../../../support/refusal.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('command handler');

type ManagerHalf = { handle: HandleCommand; projector: Projector };

let log: EventLog;
let managers: ManagerHalf[];

const openManager = async (): Promise<ManagerHalf> => {
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  await projector.start();
  const manager = {
    projector,
    handle: createCommandHandler({ log, projector, clock: systemClock }, { nodeTimeoutMs: 5_000 }),
  };
  managers.push(manager);
  return manager;
};

test.before.each(async () => {
  log = await openMemoryLog();
  managers = [];
});
test.after.each(async () => {
  for (const { projector } of managers) await projector.close();
  await log.close();
});

const context = { actor: 'person:operator', requestId: 'request-1' };
const command = (request: ApiRequest, idempotency: { appendId: string; requestHash: string } | null = null) => ({
  request,
  context,
  idempotency,
  precondition: null,
});
const apply = (service: string, replicas = 1): ApiRequest => {
  return { kind: 'apply', specs: [{ service, replicas, container: specOf('nginx') }] };
};
const scale = (service: string, replicas: number): ApiRequest => ({ kind: 'patch', service, replicas });
/** The log remembers appends by ids of version 5. */
const newAppendId = () => uuidv5('test', randomUUID());
const hash = (digit: string) => digit.repeat(64);

test('an accepted command is in the log and in the view', async () => {
  const { handle, projector } = await openManager();
  const result = await handle(command(apply('web', 3)));
  const services = [{ serviceName: 'web', generation: 1, changed: true }];
  assert.equal(result, { services, nodes: [], tokens: [], logins: [], position: 1, version: 1, repeated: false });
  assert.is(projector.view.services.get('web')?.replicas, 3);
  const [event] = await readAll(log);
  assert.is(event?.meta.actor, context.actor);
  assert.is(event?.meta.requestId, context.requestId);
});

test('a refused command is not in the log', async () => {
  const { handle } = await openManager();
  assert.is((await refusal(() => handle(command(scale('web', 2))))).code, 'service_not_found');
  assert.equal(await readAll(log), []);
});

test('commands of two managers for one service all take effect, each from the one before', async () => {
  const [first, second] = [await openManager(), await openManager()];
  await first.handle(command(apply('web')));
  await second.projector.waitFor(1);
  const scaled = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? first : second).handle(command(scale('web', n + 2)))),
  );
  const generations = scaled.map(({ services }) => services[0]!.generation).toSorted((a, b) => a - b);
  assert.equal(
    generations,
    Array.from({ length: 20 }, (_, n) => n + 2),
  );
  const events = await readAll(log);
  assert.equal(
    events.slice(1).map((event) => event.type === 'ServiceScaled' && event.data.from),
    [1, ...events.slice(1, -1).map((event) => event.type === 'ServiceScaled' && event.data.replicas)],
  );
});

test('a repeat has the first answer, from any manager, and no second effect', async () => {
  const [first, second] = [await openManager(), await openManager()];
  const repeated = command(apply('web'), { appendId: newAppendId(), requestHash: hash('a') });
  const answer = await first.handle(repeated);
  assert.equal(await second.handle(repeated), { ...answer, repeated: true });
  assert.is((await readAll(log)).length, 1);
});

test('a repeat has the first answer although it would be refused by now', async () => {
  const { handle, projector } = await openManager();
  await handle(command(apply('web')));
  const repeated = command(scale('web', 2), { appendId: newAppendId(), requestHash: hash('a') });
  const answer = await handle(repeated);
  await handle(command({ kind: 'remove', service: 'web' }));
  const removed: NewEvent = {
    stream: streams.service('web'),
    type: 'ServiceRemoved',
    data: { service: 'web' },
    meta: { actor: 'controller', causationId: null },
  };
  await projector.waitFor((await log.append([removed])).last);
  assert.is((await refusal(() => handle(command(scale('web', 2))))).code, 'service_not_found');
  assert.equal(await handle(repeated), { ...answer, repeated: true });
});

test('the id of another command is refused, whether that would be accepted or not', async () => {
  const { handle } = await openManager();
  const appendId = newAppendId();
  await handle(command(apply('web'), { appendId, requestHash: hash('a') }));
  for (const other of [apply('api'), scale('none', 2)]) {
    const { code } = await refusal(() => handle(command(other, { appendId, requestHash: hash('b') })));
    assert.is(code, 'idempotency_key_reused');
  }
});

test('a command that is in the log is answered also by a manager whose view is behind', async () => {
  const { handle, projector } = await openManager();
  await projector.close();
  const { position } = await handle(command(apply('web')));
  assert.is(position, 1);
  assert.is(projector.view.position, 0);
});

test('a precondition that does not hold on a view that is behind is checked again when it has caught up', async () => {
  const { handle, projector } = await openManager();
  await handle(command(apply('web')));
  let isBehind = true;
  const late = {
    get view() {
      return isBehind ? emptyClusterView() : projector.view;
    },
    async waitFor(position: number) {
      isBehind = false;
      await projector.waitFor(position);
    },
  };
  const behind = createCommandHandler({ log, projector: late, clock: systemClock }, { nodeTimeoutMs: 5_000 });
  const seen: (number | null)[] = [];
  const precondition = (resources: readonly { version: number | null }[]) => {
    seen.push(resources[0]!.version);
    if (resources[0]!.version !== 1) throw new AppError('precondition_failed', 'not the first version');
  };
  const { services } = await behind({ ...command(apply('web', 2)), precondition });
  assert.equal(services, [{ serviceName: 'web', generation: 2, changed: true }]);
  assert.equal(seen, [null, 1]);
  const again = await refusal(() => behind({ ...command(apply('web', 3)), precondition }));
  assert.is(again.code, 'precondition_failed');
});

test.run();
