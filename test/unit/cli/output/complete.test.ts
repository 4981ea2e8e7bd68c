/** What a shell offers after each word. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { complete } from '../../../../src/cli/output/complete.ts';
import { createContext } from '../../../../src/cli/output/context.ts';
import { createProgram } from '../../../../src/cli/program.ts';

const test = suite('completion');
const silent = { write: () => {} };
const { signal } = new AbortController();
const program = createProgram(createContext({ out: silent, err: silent, environment: {}, signal }));
const after = (line: string) => complete(program, line.split(' '));

test('commands come first, then those of a group', () => {
  const { fixed, names } = after('');
  assert.ok(['scale', 'node', 'apply', 'why'].every((name) => fixed.includes(name)));
  assert.equal(names, []);
  assert.equal(after('rollout ').fixed, ['status', 'pause', 'resume', 'promote', 'abort', 'history']);
  assert.is(after('rollout pa').prefix, 'pa');
});

test('arguments are names of the kind that they have', () => {
  assert.equal(after('rm ').names, ['service']);
  assert.equal(after('rm web ').names, ['service']);
  assert.equal(after('scale we').names, ['service']);
  assert.equal(after('rollback ').names, ['service']);
  assert.equal(after('rollback web ').names, []);
  assert.equal(after('node drain worker-1 ').names, ['node']);
  assert.equal(after('why ').names, ['service', 'node', 'container']);
  assert.equal(after('context use ').names, ['context']);
  assert.equal(after('run ').names, []);
  assert.equal(after('edit ').names, ['service']);
  assert.equal(after('node label ').names, ['node']);
  assert.equal(after('node label worker-1 ').names, []);
});

test('options are offered after a dash, and what they take', () => {
  assert.ok(after('rm --').fixed.includes('--detach'));
  assert.ok(after('ps -').fixed.includes('--help'));
  assert.equal(after('ps -o ').fixed, ['table', 'wide', 'json', 'yaml', 'name']);
  assert.equal(after('whatif --kill ').names, ['node']);
  assert.equal(after('run --max-per-node ').names, []);
  assert.equal(after('run --update-order ').fixed, ['auto', 'start-first', 'stop-first']);
  assert.equal(after('whatif --kill worker-1 --scale ').names, ['service']);
  assert.equal(after('ps --watch ').names, ['service']);
});

test.run();
