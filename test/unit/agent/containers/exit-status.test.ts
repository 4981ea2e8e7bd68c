import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exitReportOf, failedReport } from '../../../../src/agent/containers/exit-status.ts';
import type { EngineContainer } from '../../../../src/agent/engine/engine.ts';
import { boundTail } from '../../../../src/agent/engine/log-tail.ts';
import { cleanText } from '../../../../src/agent/engine/report-text.ts';
import { FailedReport } from '../../../../src/bus/container-reports.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { spec } from '../../../support/log/history.ts';

const test = suite('ending');

const ended = (changes: Partial<EngineContainer>): EngineContainer => ({
  ...{ container: 'web.1-a', service: 'web', slot: 1, generation: 1, specHash: '0'.repeat(16) },
  ...{
    replaces: null,
    engineContainerId: 'e1',
    state: 'exited',
    exitCode: 0,
    oomKilled: false,
    startedAt: null,
    imageDigest: null,
    error: '',
    isPaused: false,
    ports: [],
    health: null,
  },
  ...changes,
});

const table: [string, EngineContainer | null, string, RegExp][] = [
  ['an exit code', ended({ exitCode: 3 }), 'exited', /^exit code 3$/],
  ['a signal of its own', ended({ exitCode: 143 }), 'exited', /^exit code 143 \(SIGTERM\)$/],
  ['a crash', ended({ exitCode: 139 }), 'exited', /\(SIGSEGV\)$/],
  ['a SIGKILL nobody asked for', ended({ exitCode: 137 }), 'killed', /SIGKILL/],
  ['the kernel at its limit', ended({ exitCode: 137, oomKilled: true }), 'oom', /limit of 1048576 bytes/],
  [
    'a crash of its own, a child killed for memory',
    ended({ exitCode: 3, oomKilled: true }),
    'exited',
    /^exit code 3; memory ran out/,
  ],
  [
    'a SIGTERM, a child killed for memory',
    ended({ exitCode: 143, oomKilled: true }),
    'exited',
    /SIGTERM\); memory ran out/,
  ],
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
    const ending = exitReportOf(found, limited, ['last']);
    assert.is(ending.kind, 'failed');
    if (ending.kind !== 'failed') return;
    assert.is(ending.reason, reason);
    assert.match(ending.message, message);
    assert.equal(ending.logTail, found ? ['last'] : []);
  });
}

test('a command that the init of Docker could not run is a start error in its words', () => {
  const tail = ['[FATAL tini (7)] exec /no/such failed: No such file or directory'];
  const ending = exitReportOf(ended({ exitCode: 127 }), spec(), tail);
  assert.equal(ending, {
    ...{ kind: 'failed', reason: 'start error', message: 'exec /no/such failed: No such file or directory' },
    ...{ exitCode: 127, logTail: tail },
  });
});

test('exit code 0 is a completion with its last lines', () => {
  assert.equal(exitReportOf(ended({}), spec(), ['done']), { kind: 'completed', logTail: ['done'] });
});

test('long words are cut to what a report carries', () => {
  assert.is(failedReport('image', 'x'.repeat(5_000)).message.length, 2_048);
});

/** NUL, control characters, halves of surrogate pairs, and pairs across every bound. */
const words = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 5_000 }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.integer({ min: 2_040, max: 2_050 }).map((length) => `${'x'.repeat(length)}\u{1f600}\u{1f600}`),
);

test('whatever an engine says, the report matches its schema and the log takes it', () => {
  const head = {
    ...{ clusterId: '00000000-0000-4000-8000-000000000000', reportId: '00000000-0000-4000-8000-000000000001' },
    ...{ node: 'a', at: '2026-01-01T00:00:00.000Z', session: 1, container: 'web.1-a', causationId: null },
  };
  const ref = { container: 'web.1-a', service: 'web', slot: 1, node: 'a' };
  fc.assert(
    fc.property(words, words, (error, output) => {
      const ending = exitReportOf(ended({ state: 'created', exitCode: null, error }), spec(), boundTail(output, 20));
      assert.ok(Value.Check(FailedReport, { ...head, ...ending }));
      if (ending.kind !== 'failed') throw new Error(ending.kind);
      const { kind: _, ...data } = ending;
      const meta = { actor: 'node:a', causationId: null };
      assertEvent({ stream: 'container/web.1-a', type: 'ContainerFailed', data: { ...ref, ...data }, meta });
    }),
  );
});

test('a text is cut before a pair, never inside it', () => {
  assert.is(cleanText('ab\u{1f600}', 3), 'ab');
  assert.is(cleanText('ab\u{1f600}', 4), 'ab\u{1f600}');
  assert.is(cleanText('a\u0000b\ud800c\u001b\td\ne', 20), 'a\ufffdb\ufffdc\ufffd\td\ne');
});

test('a run that ended well says that memory ran out inside, and nothing else', () => {
  const at = (oomKilled: boolean) => exitReportOf(ended({ exitCode: 0, oomKilled }), spec(), ['bye']);
  assert.equal(at(false), { kind: 'completed', logTail: ['bye'] });
  const report = at(true);
  assert.is(report.kind, 'completed');
  assert.match(String(Object(report).note), /^memory ran out inside/);
});

test.run();
