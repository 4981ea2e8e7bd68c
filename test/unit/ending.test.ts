import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { endingOf, failedEnding } from '../../src/agent/ending.ts';
import type { EngineContainer } from '../../src/agent/engine.ts';
import { spec } from '../support/history.ts';

const test = suite('ending');

const ended = (changes: Partial<EngineContainer>): EngineContainer => ({
  ...{ container: 'web.1-a', service: 'web', slot: 1, generation: 1, specHash: '0'.repeat(16) },
  ...{ engineContainerId: 'e1', state: 'exited', exitCode: 0, oomKilled: false, startedAt: null, error: '', ports: [] },
  ...changes,
});

const table: [string, EngineContainer | null, string, RegExp][] = [
  ['an exit code', ended({ exitCode: 3 }), 'exited', /^exit code 3$/],
  ['a signal of its own', ended({ exitCode: 143 }), 'exited', /^exit code 143 \(SIGTERM\)$/],
  ['a crash', ended({ exitCode: 139 }), 'exited', /\(SIGSEGV\)$/],
  ['a SIGKILL nobody asked for', ended({ exitCode: 137 }), 'killed', /SIGKILL/],
  ['the kernel at its limit', ended({ exitCode: 137, oomKilled: true }), 'oom', /limit of 1048576 bytes/],
  ['words of the engine', ended({ exitCode: 127, error: 'no such file' }), 'exited', /^exit code 127: no such file$/],
  [
    'a start that failed',
    ended({ state: 'created', exitCode: null, error: 'port taken' }),
    'start error',
    /^port taken$/,
  ],
  ['no start at all', ended({ state: 'created', exitCode: null }), 'start error', /never started/],
  ['nothing left of it', null, 'killed', /removed/],
];

const limited = spec({ resources: { memoryBytes: 2 ** 20, cpuMillis: null } });

for (const [what, found, reason, message] of table) {
  test(`${what} fails as ${reason}`, () => {
    const ending = endingOf(found, limited, ['last']);
    assert.is(ending.kind, 'failed');
    if (ending.kind !== 'failed') return;
    assert.is(ending.reason, reason);
    assert.match(ending.message, message);
    assert.equal(ending.logTail, found ? ['last'] : []);
  });
}

test('a command that the init of Docker could not run is a start error in its words', () => {
  const tail = ['[FATAL tini (7)] exec /no/such failed: No such file or directory'];
  const ending = endingOf(ended({ exitCode: 127 }), spec(), tail);
  assert.equal(ending, {
    ...{ kind: 'failed', reason: 'start error', message: 'exec /no/such failed: No such file or directory' },
    ...{ exitCode: 127, logTail: tail },
  });
});

test('exit code 0 is a completion with its last lines', () => {
  assert.equal(endingOf(ended({}), spec(), ['done']), { kind: 'completed', logTail: ['done'] });
});

test('long words are cut to what a report carries', () => {
  assert.is(failedEnding('image', 'x'.repeat(5_000)).message.length, 2_048);
});

test.run();
