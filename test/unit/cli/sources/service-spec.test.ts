/** Which of all that is said of a service is its spec. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ServiceDetail, specOf } from '../../../../src/cli/sources/service-spec.ts';
import { specComponents } from '../../../../src/http/request/service-schema.ts';

const test = suite('the spec of a service');

test('it has every member that a request takes, and no other', () => {
  const names = Object.keys(specComponents.find(({ $id }) => $id === 'ServiceSpec')!.properties);
  const all = Object.fromEntries([...names, 'running', 'image', 'status'].map((name) => [name, name]));
  const spec = specOf({ ...all, mode: 'replicated' } as unknown as ServiceDetail);
  assert.equal(Object.keys(spec).sort(), names.sort());
});

test('replicas are asked for only of replicated services', () => {
  const detail = { serviceName: 'web', replicas: 3, generation: 1, position: 9, container: { image: 'nginx' } };
  assert.equal(specOf({ ...detail, mode: 'global' }), {
    ...{ serviceName: 'web', mode: 'global', container: { image: 'nginx' } },
  });
  assert.is(specOf({ ...detail, mode: 'replicated' }).replicas, 3);
});

test.run();
