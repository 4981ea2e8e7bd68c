/** Which commands get a login, who can open it, and what happens when it cannot be read. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StartCommand, WantedCommand } from '../../../../src/bus/messages.ts';
import { AppError } from '../../../../src/errors.ts';
import { type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { loginPurpose } from '../../../../src/model/registry.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createLoginSealer } from '../../../../src/reconciler/dispatcher/login-sealer.ts';
import { createBoxKeys } from '../../../../src/secrets/sealed-box.ts';
import { clusterId, createHistory, spec, specHashOf } from '../../../support/log/history.ts';

const test = suite('login sealer');
const host = 'registry.example';
const password = 'a-password-to-seal';
const image = `${host}/app:1`;

function open({ hasKey = true } = {}) {
  const keys = createBoxKeys();
  const history = createHistory();
  const view = emptyClusterView();
  const add = (...said: Parameters<typeof history.add>) => evolve(view, history.add(...said));
  const { data, stream } = history.node('worker-1');
  evolve(view, history.events[0]!);
  if (hasKey) add('NodeReturned', { ...(data as object), publicKey: keys.publicKey } as never, stream);
  const passwordHash = `scrypt:32768:8:1:${'s'.repeat(22)}:${'h'.repeat(43)}`;
  const set = { host, username: 'deployer', version: 3, changed: true, passwordHash };
  add('RegistryLoginSet', set, streams.registries);
  const written: NewEvent[] = [];
  const vault = { failure: null as Error | null, reads: [] as string[] };
  const sealer = createLoginSealer(
    {
      view,
      logger: silentLogger,
      vault: {
        async get(name, version) {
          vault.reads.push(`${name} ${version}`);
          if (vault.failure) throw vault.failure;
          return Buffer.from(password);
        },
      },
      log: {
        async append([event]: readonly NewEvent[]) {
          assertEvent(event!);
          written.push(event!);
          add(event!.type, event!.data, event!.stream);
          return { first: 1, last: 1, at: '', repeated: false };
        },
      },
    },
    { term: () => 1 },
  );
  const { session } = view.nodes.get('worker-1')!;
  const remove = () => add('RegistryLoginRemoved', { host, version: 3 }, streams.registries);
  return { sealer, keys, view, vault, written, session, remove };
}

const start = (session: number, members: Parameters<typeof spec>[0] = { image }): StartCommand => ({
  ...{ kind: 'start', clusterId, node: 'worker-1', session, position: 9, causationId: 'fact' },
  ...{ container: 'web.1-a', service: 'web', slot: 1, generation: 1, specHash: specHashOf(spec(members)) },
  spec: spec(members),
});

const loginsOf = (command: unknown) => (command as StartCommand).logins;

test('the agent it is for opens it, and nothing of it is in the message', async () => {
  const { sealer, keys, session } = open();
  const command = await sealer.complete(start(session));
  const [login] = loginsOf(command)!;
  assert.equal([login!.host, login!.version], [host, 3]);
  const purpose = loginPurpose({ clusterId, node: 'worker-1', session, host, version: 3 });
  assert.equal(JSON.parse(keys.open(login!.sealed!, purpose).toString()), { username: 'deployer', password });
  assert.not.ok(JSON.stringify(command).includes(password));
  assert.throws(() =>
    keys.open(login!.sealed!, loginPurpose({ clusterId, node: 'worker-1', session: session + 1, host, version: 3 })),
  );
});

test('a wanted set has each login once, and only those of its images', async () => {
  const { sealer, session } = open();
  const specs = [{ image }, { image: `${host}/other` }, { image: 'nginx' }].map((members) => ({
    specHash: specHashOf(spec(members)),
    spec: spec(members),
  }));
  const {
    container: _,
    service: __,
    slot: ___,
    generation: ____,
    specHash: _____,
    spec: ______,
    ...head
  } = start(session);
  const wanted: WantedCommand = { ...head, kind: 'wanted', registrationId: null, containers: [], specs };
  assert.equal(
    loginsOf(await sealer.complete(wanted))?.map((login) => login.host),
    [host],
  );
});

test('without need nothing is read: another registry, another session, an agent without a key, another command', async () => {
  const { sealer, session, vault } = open();
  const old = open({ hasKey: false });
  const stop = { ...start(session), kind: 'stop', stopTimeoutSeconds: 1 } as never;
  const same = [
    [sealer, start(session, { image: 'nginx' })],
    [sealer, start(session + 1)],
    [old.sealer, start(old.session)],
    [sealer, stop],
  ] as const;
  for (const [by, command] of same) assert.is(await by.complete(command), command);
  assert.equal([...vault.reads, ...old.vault.reads], []);
});

test('one that cannot be read is an alarm, raised once and over with the next that can; the command goes without it', async () => {
  const { sealer, session, vault, view, written } = open();
  vault.failure = new AppError('secrets_key_missing', 'the key file is missing');
  for (let n = 0; n < 2; n += 1) {
    assert.equal(loginsOf(await sealer.complete(start(session))), [{ host, version: 3, sealed: null }]);
  }
  const [alarm] = view.alarms.values();
  assert.equal([alarm?.alarm, alarm?.subject, written.length], ['registry login unreadable', host, 1]);
  assert.match(alarm!.message, /cannot be read, so nodes pull without it: the key file is missing/);
  vault.failure = null;
  await sealer.complete(start(session));
  assert.is(view.alarms.size, 0);
});

test('the alarm goes with the login', async () => {
  const { sealer, session, vault, view, remove } = open();
  vault.failure = new Error('gone');
  await sealer.complete(start(session));
  assert.is(view.alarms.size, 1);
  remove();
  sealer.clearOfRemoved();
  assert.is(view.alarms.size, 0);
});

test.run();
