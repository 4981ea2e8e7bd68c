import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decideSync, type ManagedRun, type RunPhase } from '../../../../src/agent/containers/sync.ts';
import type { EngineContainer } from '../../../../src/agent/engine/engine.ts';
import type { WantedContainer } from '../../../../src/bus/messages.ts';
import type { ContainerState } from '../../../../src/model/container.ts';

const test = suite('sync');

const container = 'web.1-a';
const specHash = '0123456789abcdef';
const setPosition = 50;

const wantedAs = (state: ContainerState): WantedContainer => ({
  ...{ container, service: 'web', slot: 1, generation: 1, specHash, state, causationId: 'fact' },
});

const foundAs = (state: EngineContainer['state'], changes: Partial<EngineContainer> = {}): EngineContainer => ({
  ...{ container, service: 'web', slot: 1, generation: 1, specHash, engineContainerId: 'e1', state, exitCode: null },
  ...{
    replaces: null,
    oomKilled: false,
    startedAt: null,
    error: '',
    ports: [],
    isPaused: false,
    imageDigest: null,
    health: null,
    ...changes,
  },
});

type Scene = { wanted?: ContainerState; found?: EngineContainer; phase?: RunPhase; position?: number };

function decide({ wanted, found, phase, position = 10 }: Scene): string[] {
  const managed = new Map<string, ManagedRun>(phase ? [[container, { phase, position }]] : []);
  const actions = decideSync({
    position: setPosition,
    wanted: wanted ? [wantedAs(wanted)] : [],
    found: found ? [found] : [],
    managed,
    heldFor: new Map(),
  });
  return actions.map((action) =>
    action.kind === 'adopt' ? `adopt${action.isNewsToLog ? ', tell' : ''}` : action.kind,
  );
}

const other = { specHash: 'fedcba9876543210' };

const table: [string, Scene, string[]][] = [
  ['in queue, nothing there', { wanted: 'in queue' }, ['start']],
  ['in queue, created and never started', { wanted: 'in queue', found: foundAs('created') }, ['start']],
  ['in queue, runs already', { wanted: 'in queue', found: foundAs('running') }, ['adopt, tell']],
  ['in queue, ran already', { wanted: 'in queue', found: foundAs('exited') }, ['end']],
  ['in queue, runs with another spec', { wanted: 'in queue', found: foundAs('running', other) }, ['end']],
  ['starting, nothing there', { wanted: 'starting' }, ['end']],
  ['starting, created and never started', { wanted: 'starting', found: foundAs('created') }, ['end']],
  ['starting, runs already', { wanted: 'starting', found: foundAs('running') }, ['adopt, tell']],
  ['running, runs', { wanted: 'running', found: foundAs('running') }, ['adopt']],
  ['running, ended', { wanted: 'running', found: foundAs('exited') }, ['end']],
  ['running, nothing there', { wanted: 'running' }, ['end']],
  ['stopping, runs', { wanted: 'stopping', found: foundAs('running') }, ['stop']],
  ['stopping, nothing there', { wanted: 'stopping' }, ['stop']],
  ['not wanted, runs', { found: foundAs('running') }, ['remove']],
  ['not wanted, ended', { found: foundAs('exited') }, ['remove']],
  ['not wanted, waiting in hand', { phase: 'waiting' }, ['remove']],
  ['not wanted, ended in hand', { found: foundAs('exited'), phase: 'ended' }, ['settle']],
  ['in queue, in hand', { wanted: 'in queue', phase: 'waiting' }, ['repeat']],
  ['starting, running in hand', { wanted: 'starting', found: foundAs('running'), phase: 'running' }, ['repeat']],
  ['in queue, ended in hand', { wanted: 'in queue', phase: 'ended' }, ['repeat']],
  ['stopping, running in hand', { wanted: 'stopping', found: foundAs('running'), phase: 'running' }, ['stop']],
  ['stopping, ended in hand', { wanted: 'stopping', phase: 'ended' }, ['repeat']],
  ['not wanted, but commanded after the set', { phase: 'waiting', position: 51 }, []],
  ['running, but commanded after the set', { wanted: 'running', phase: 'stopping', position: 51 }, []],
];

for (const [sentence, scene, expected] of table) {
  test(`${sentence}: ${expected.join(' and ') || 'left as it is'}`, () => {
    assert.equal(decide(scene), expected);
  });
}

test('removals come after everything else', () => {
  const actions = decideSync({
    position: setPosition,
    wanted: [wantedAs('in queue')],
    found: [foundAs('running', { container: 'web.9-b' })],
    managed: new Map(),
    heldFor: new Map(),
  });
  assert.equal(
    actions.map(({ kind }) => kind),
    ['start', 'remove'],
  );
});

test.run();
