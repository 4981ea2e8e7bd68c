/** That a command is told what it needs before anything is opened, and that help and version need nothing. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseCommandLine } from '../../../src/daemon/command-line.ts';
import { readVersion } from '../../../src/daemon/version.ts';
import { AppError } from '../../../src/errors.ts';
import { exitCodeOf, exitCodes, exitMessage } from '../../../src/process/lifecycle.ts';

const test = suite('command line');
const id = '5c9a1f0e-7d43-4b86-9f21-0e6d3a8b7c15';
const urls = { CO_MONGODB_URL: 'mongodb://root:hunter2@db/co', CO_AMQP_URL: 'amqp://root:hunter2@broker' };

for (const args of [[], ['--help'], ['-h'], ['agent', '--help'], ['nonsense', '--help']]) {
  test(`"${args.join(' ')}" asks for help`, () => {
    const line = parseCommandLine(args, {});
    assert.is(line.kind, 'text');
    if (line.kind !== 'text') return;
    for (const word of ['up', 'manager', 'agent', '--port', 'CO_PORT', 'SIGTERM', 'Exit codes']) {
      assert.ok(line.text.includes(word), word);
    }
  });
}

test('--version asks for the version, whatever else is there', () => {
  for (const args of [['--version'], ['up', '--version'], ['up', '--port', 'x', '--version']]) {
    assert.equal(parseCommandLine(args, {}), { kind: 'text', text: readVersion() });
  }
});

const accepted: [string[], NodeJS.ProcessEnv, string][] = [
  [['up'], {}, 'up'],
  [['up', '--host', '127.0.0.2', '--port', '0'], {}, 'up'],
  [['manager'], urls, 'manager'],
  [['manager', '--mongodb', 'mongodb://db', '--amqp', 'amqp://broker'], {}, 'manager'],
  [['agent'], {}, 'agent'],
  [['agent', '--join', 'https://manager:5000', '--token', 'co_x'], {}, 'agent'],
  [['agent', '--node', 'worker-3', '--cluster-id', id], { CO_AMQP_URL: 'amqp://broker' }, 'agent'],
];
for (const [args, environment, command] of accepted) {
  test(`"${args.join(' ')}" is a ${command}`, () => {
    const line = parseCommandLine(args, environment);
    assert.is(line.kind === 'run' && line.command, command);
  });
}

const refused: [string[], NodeJS.ProcessEnv, RegExp][] = [
  [['start'], {}, /^unknown command 'start'$/],
  [['agnet'], {}, /^unknown command 'agnet'\n\(Did you mean agent\?\)$/],
  [['--port', '1'], {}, /^a command is missing: up, manager, agent$/],
  [['up', 'amqp://root:hunter2@broker'], {}, /^too many arguments for 'up'.*amqp:\/\/…@broker/],
  [['up', '--port', 'x'], {}, /^--port must be a whole number/],
  [['up'], urls, /--mongodb and --amqp .*bootstrap\/up/],
  [['manager'], {}, /--mongodb and --amqp .*`up` needs neither/],
  [['manager'], { CO_AMQP_URL: urls.CO_AMQP_URL }, /--mongodb and --amqp/],
  [['agent', '--cluster-id', id], urls, /--node/],
  [['agent', '--node', 'worker-3'], urls, /--cluster-id .*GET \/state/],
];
for (const [args, environment, words] of refused) {
  test(`"${args.join(' ')}" with ${Object.keys(environment).join(' and ') || 'nothing else'} is refused`, () => {
    try {
      parseCommandLine(args, environment);
    } catch (error) {
      assert.match((error as Error).message, words);
      assert.not.match((error as Error).message, /hunter2/);
      assert.is(exitCodeOf(error), exitCodes.misconfigured);
      return;
    }
    assert.unreachable('accepted');
  });
}

test('an option may come before the command, too', () => {
  const line = parseCommandLine(['--port', '7', 'up'], {});
  assert.is(line.kind === 'run' && line.config.port, 7);
});

test('a refusal is one line, wrong usage has the way to the help, a defect shows where it is, and each has its exit code', () => {
  const misused = new AppError('config_invalid', '--port must be a whole number');
  assert.is(exitMessage(misused), 'error: --port must be a whole number\n(--help says how)');
  assert.is(exitMessage(new AppError('port_taken', 'port 5000 is taken')), 'port 5000 is taken (port_taken)');
  assert.is(exitCodeOf(new AppError('port_taken', 'port 5000 is taken')), exitCodes.failed);
  assert.is(exitCodeOf(new AppError('cluster_mismatch', 'another cluster')), exitCodes.misconfigured);
  assert.match(exitMessage(new TypeError('x is not a function')), /TypeError: x is not a function\n {4}at /);
  assert.is(exitCodeOf(new TypeError('x is not a function')), exitCodes.failed);
});

test.run();
