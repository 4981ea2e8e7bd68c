/** What of the machine its owner gives to containers, by options of the command line. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readConfig } from '../../../src/daemon/config.ts';

const test = suite('options for host access');

test('folders and devices are given one by one, or with commas', () => {
  const given = ['--allow-bind', '/srv', '--allow-bind', '/mnt/a', '--allow-device', '/dev/fuse'];
  assert.equal(readConfig(given, {}).hostAccess, { binds: ['/mnt/a', '/srv'], devices: ['/dev/fuse'] });
  for (const [option, value] of [
    ['--allow-bind', 'srv'],
    ['--allow-bind', '/srv/../etc'],
    ['--allow-bind', '/srv/'],
    ['--allow-device', '/etc/passwd'],
    ['--allow-device', '/dev/../etc'],
    ['--allow-bind', Array(33).fill('/srv').join(',')],
  ] as const) {
    assert.throws(() => readConfig([option, value], {}), new RegExp(`${option} must be`), `${option} ${value}`);
  }
});

test.run();
