/** What a person sees while a change goes on: a line a replica, within the terminal. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { blockOf } from '../../../../src/cli/output/change-display.ts';
import { createLiveLines } from '../../../../src/cli/output/live-lines.ts';
import { phaseOf } from '../../../../src/cli/output/replica-lines.ts';
import type { ShownContainerRow } from '../../../../src/projections/rows/container-row.ts';
import type { ServiceRow } from '../../../../src/projections/rows/service-row.ts';

const test = suite('the display of a change');

const row = {
  ...{ serviceName: 'web', running: 1, replicas: 3, generation: 2, status: 'progressing', reason: '1 starting' },
} as ServiceRow;
const container = (slot: number, members: Partial<ShownContainerRow>) =>
  ({
    ...{ container: `web.${slot}-a`, service: 'web', slot, node: `worker-${slot}`, state: 'running' },
    ...{ health: null, pull: null, unknownSince: null, ...members },
  }) as ShownContainerRow;
const look = (containers: ShownContainerRow[]) => ({ target: { service: 'web' }, row, containers });

test('the phases of a replica are those an operator waits for', () => {
  const phases: [Partial<ShownContainerRow>, string][] = [
    [{ state: 'in queue' }, 'queued'],
    [{ state: 'starting' }, 'starting'],
    [{ state: 'starting', pull: { currentBytes: 43, totalBytes: 100 } }, 'pulling 43 %'],
    [{ state: 'starting', pull: { currentBytes: 100, totalBytes: 100 } }, 'starting'],
    [{ state: 'starting', pull: { currentBytes: 0, totalBytes: 0 } }, 'starting'],
    [{ health: 'unproven' }, 'running, not healthy yet'],
    [{ health: 'healthy' }, 'healthy'],
    [{}, 'running'],
    [{ unknownSince: '2026-01-01T00:00:00.000Z' }, 'unknown, was running'],
  ];
  for (const [members, phase] of phases) assert.is(phaseOf(container(1, members)), phase);
});

test('a slot is one line: what replaces, and beside it what is replaced', () => {
  const lines = blockOf([look([container(1, {}), container(1, { container: 'web.1-b', state: 'in queue' })])], 10);
  assert.equal(lines, [
    'web  1 of 3 running, generation 2: progressing: 1 starting',
    '  web.1  worker-1  ○ queued  (web.1-a running)',
  ]);
});

test('when not all fit, those under way are seen and the rest is counted', () => {
  const containers = Array.from({ length: 30 }, (_, index) =>
    container(index + 1, index === 29 ? { state: 'starting' } : {}),
  );
  const lines = blockOf([look(containers)], 5);
  assert.is(lines.length, 5);
  assert.match(lines[1]!, /web\.30 +worker-30 +◐ starting/);
  assert.is(lines[4], '  and 27 more');
});

test('many services have a line each, never more than fit', () => {
  assert.is(blockOf(Array(50).fill(look([container(1, {})])), 20).length, 20);
  assert.is(blockOf([{ target: { service: 'web' }, row: null, containers: [] }], 20)[0], 'web  is gone');
});

test('a block is drawn over itself, and no line runs over', () => {
  let written = '';
  const live = createLiveLines({
    write: (text) => {
      written += text;
    },
    columns: 11,
    rows: 5,
  });
  assert.is(live.linesMax, 4);
  live.update(['one', 'two is longer than that']);
  live.update(['three']);
  assert.is(written, '\rone\u001b[K\ntwo is lo…\u001b[K\n\u001b[2A\rthree\u001b[K\n\u001b[J');
});

test.run();
