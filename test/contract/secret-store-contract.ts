/** What every store of secrets promises, as one suite that is run on each of them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SecretStore, StoredSecret } from '../../src/secrets/secret-store.ts';

export type SecretStoreUnderTest = { store: SecretStore; close(): Promise<void> };

const secret = (members: Partial<StoredSecret> = {}): StoredSecret => ({
  ...{ name: 'registry/registry.example:5000', version: 1, keyId: 'k1', storedAtMs: 1_700_000_000_000 },
  sealed: Buffer.from([0, 1, 2, 255]),
  ...members,
});

/** @param whyNot why this store cannot be tested here, null when it can */
export function testSecretStoreContract(
  name: string,
  open: () => Promise<SecretStoreUnderTest>,
  whyNot: string | null = null,
): void {
  const test = suite(`secret store contract: ${name}`);
  if (whyNot !== null) console.log(`skipped: ${whyNot}`);

  const promise = (sentence: string, body: (store: SecretStore) => Promise<void>) => {
    if (whyNot !== null) return test.skip(sentence);
    return test(sentence, async () => {
      const { store, close } = await open();
      try {
        await body(store);
      } finally {
        await close();
      }
    });
  };

  promise('what was added is found, byte for byte', async (store) => {
    assert.is(await store.add(secret()), true);
    assert.equal(await store.find(secret().name, 1), secret());
  });

  promise('an empty one has nothing', async (store) => {
    assert.equal(await store.list(), []);
    assert.is(await store.find('none', 1), null);
    await store.remove('none', 1);
  });

  promise('a version is written once', async (store) => {
    await store.add(secret());
    assert.is(await store.add(secret({ sealed: Buffer.from('another') })), false);
    assert.equal((await store.find(secret().name, 1))?.sealed, secret().sealed);
  });

  promise('of several that add one version at once one succeeds', async (store) => {
    const adding = Array.from({ length: 5 }, (_, index) => store.add(secret({ sealed: Buffer.from([index]) })));
    const added = await Promise.all(adding);
    assert.is(added.filter((isAdded) => isAdded).length, 1);
    assert.is((await store.find(secret().name, 1))?.sealed[0], added.indexOf(true));
  });

  promise('the list has heads only, by name and version', async (store) => {
    for (const [name, version] of [
      ['b', 1],
      ['a', 10],
      ['a', 9],
    ] as const)
      await store.add(secret({ name, version }));
    const { sealed: _, ...head } = secret();
    assert.equal(await store.list(), [
      { ...head, name: 'a', version: 9 },
      { ...head, name: 'a', version: 10 },
      { ...head, name: 'b', version: 1 },
    ]);
  });

  promise('what was removed is gone, and the other versions stay', async (store) => {
    await store.add(secret());
    await store.add(secret({ version: 2 }));
    await store.remove(secret().name, 1);
    assert.is(await store.find(secret().name, 1), null);
    assert.equal(
      (await store.list()).map(({ version }) => version),
      [2],
    );
  });

  test.run();
}
