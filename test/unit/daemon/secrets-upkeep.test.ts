/** What a manager does about its store of secrets: an alarm about its key, and no value without a fact for long. */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../src/clock.ts';
import { createSecretsUpkeep } from '../../../src/daemon/secrets-upkeep.ts';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createProjector, type Projector } from '../../../src/projections/live/projector.ts';
import { createVault } from '../../../src/secrets/vault.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { clusterId } from '../../support/log/history.ts';
import { openTestVault, type TestVault } from '../../support/secrets.ts';

type Scene = { log: EventLog; projector: Projector; place: TestVault };
const test = suite<Scene>('upkeep of secrets');

test.before.each(async (scene) => {
  scene.log = await openMemoryLog();
  scene.projector = createProjector({ log: scene.log, logger: silentLogger, clock: systemClock });
  await scene.projector.start();
  scene.place = await openTestVault();
});
test.after.each(async ({ log, projector, place }) => {
  await projector.close();
  await log.close();
  await place.close();
});

/** @param aheadMs of the clock that tells how old a value is */
async function look({ log, projector, place: { store, keyPath } }: Scene, aheadMs = 0): Promise<void> {
  const clock = { nowMs: () => systemClock.nowMs() + aheadMs };
  const vault = createVault({ store, clock }, { clusterId, keyPath });
  const upkeep = createSecretsUpkeep(
    { vault, log, projector, logger: silentLogger },
    { host: 'host-1', managerId: 'm1' },
  );
  await upkeep.lookNow();
  upkeep.close();
  await projector.waitFor((await log.head()).position);
}

const alarms = ({ projector }: Scene) =>
  [...projector.view.alarms.values()].map(({ alarm, subject }) => [alarm, subject]);
const meta = { actor: 'person:test', causationId: null };
const setLogin = (version: number): NewEvent => {
  const passwordHash = `scrypt:32768:8:1:${'s'.repeat(22)}:${'h'.repeat(43)}`;
  const data = { host: 'a.example', username: 'a', version, changed: true, passwordHash };
  return { stream: streams.registries, type: 'RegistryLoginSet', data, meta };
};

test('nothing stored, nothing said, and no key is made', async (scene) => {
  await look(scene);
  assert.equal(alarms(scene), []);
  assert.is(await readFile(scene.place.keyPath).catch(() => null), null);
});

test('a key that is missing or another is an alarm of this machine, until it is right again', async (scene) => {
  const { vault, keyPath } = scene.place;
  await vault.put('registry/a.example', 1, Buffer.from('x'));
  await scene.log.append([setLogin(1)]);
  const key = await readFile(keyPath);
  for (const breakKey of [() => rm(keyPath), () => writeFile(keyPath, `${'0'.repeat(64)}\n`)]) {
    await breakKey();
    await look(scene);
    assert.equal(alarms(scene), [['secrets key unusable', 'host-1']]);
  }
  await writeFile(keyPath, key);
  await look(scene);
  assert.equal(alarms(scene), []);
});

test('a value that no fact makes current goes, once its fact must have come', async (scene) => {
  const { vault, store } = scene.place;
  for (const version of [1, 2]) await vault.put('registry/a.example', version, Buffer.from('x'));
  await vault.put('registry/b.example', 3, Buffer.from('x'));
  await scene.log.append([setLogin(2)]);
  await look(scene);
  assert.is((await store.list()).length, 3);
  await look(scene, 700_000);
  assert.equal(
    (await store.list()).map(({ name, version }) => [name, version]),
    [['registry/a.example', 2]],
  );
});

test.run();
