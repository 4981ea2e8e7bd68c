/** How help names a setting and shows examples, and what is read from arguments, with commands and without. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../../src/errors.ts';
import { createProgram, describeExamples, describeSetting, parseArguments } from '../../../src/process/arguments.ts';

const test = suite('arguments');

const refusalOf = (args: string[], program = createProgram('co', 'Does nothing.').option('--port <PORT>')) => {
  try {
    parseArguments(program, args);
  } catch (error) {
    assert.instance(error, AppError);
    return `${(error as AppError).code}: ${(error as AppError).message}`;
  }
  throw new Error('it was not refused');
};

const withCommands = () => {
  const program = createProgram('co', 'Does nothing.').option('--data <DIR>');
  program.command('list');
  program.command('down <node>').option('--kill');
  return program;
};

test('a setting says its default and its variable, as far as it has them', () => {
  assert.is(describeSetting('where', {}), 'where');
  assert.is(describeSetting('where', { fallback: '' }), 'where');
  assert.is(describeSetting('where', { env: 'CO_HOST' }), 'where (env: CO_HOST)');
  assert.is(describeSetting('where', { fallback: '::1', env: 'CO_HOST' }), 'where (default: ::1, env: CO_HOST)');
});

test('what examples do stands in a column', () => {
  const text = describeExamples('co', [
    ['', 'all'],
    ['ps web', 'one'],
  ]);
  assert.is(text, '\nExamples:\n  co          all\n  co ps web   one');
});

test('options of a program count before and behind its command', () => {
  for (const args of [
    ['--data', 'x', 'down', 'worker-1', '--kill'],
    ['down', '--kill', 'worker-1', '--data=x'],
  ]) {
    const { command, args: given, options } = parseArguments(withCommands(), args) as Record<string, unknown>;
    assert.equal([command, given, options], ['down', ['worker-1'], { data: 'x', kill: true }]);
  }
});

test('a program without commands has none', () => {
  const parsed = parseArguments(createProgram('co', 'Does.').argument('[pattern...]'), ['a', 'b']);
  assert.equal(parsed, { kind: 'run', command: null, args: ['a', 'b'], options: {} });
});

test('help is text, of the program or a command', () => {
  for (const [args, usage] of [
    [['--help'], 'Usage: co [options] [command]'],
    [['down', '-h'], 'Usage: co down [options] <node>'],
  ] as const) {
    const parsed = parseArguments(withCommands(), args);
    assert.is(parsed.kind === 'text' && parsed.text.split('\n')[0], usage);
  }
});

test('paragraphs of a description are one line each, to be wrapped where it is read', () => {
  assert.is(createProgram('co', 'Brings up\na cluster.\n\nStays.').description(), 'Brings up a cluster.\n\nStays.');
});

test('wrong usage is refused by name, with what may be meant', () => {
  assert.is(refusalOf(['--prot', '1']), "config_invalid: unknown option '--prot'\n(Did you mean --port?)");
  assert.is(refusalOf(['--port']), "config_invalid: option '--port <PORT>' argument missing");
  assert.is(refusalOf(['dwon'], withCommands()), "config_invalid: unknown command 'dwon'\n(Did you mean down?)");
  assert.is(refusalOf(['--data', 'x'], withCommands()), 'config_invalid: a command is missing: list, down');
  assert.is(refusalOf(['down'], withCommands()), "config_invalid: missing required argument 'node'");
});

test('a URL that lost its option is not repeated with its password', () => {
  for (const args of [['amqp://root:hunter2@broker'], ['--amqp://root:hunter2@broker']]) {
    assert.match(refusalOf(args), /:\/\/…@broker/);
    assert.not.match(refusalOf(args), /hunter2/);
  }
});

test.run();
