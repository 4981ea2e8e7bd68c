/** That `./bootstrap/up` understands its options, and refuses half a pair of URLs. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseUpOptions, type UpOptions } from '../../../../bootstrap/cluster/up-options.ts';
import { hasCode } from '../../../../src/errors.ts';

const test = suite('bootstrap up options');

const parse = (args: string[], environment: NodeJS.ProcessEnv = {}) => parseUpOptions(args, environment) as UpOptions;
const refusal = (args: string[], environment: NodeJS.ProcessEnv = {}): string => {
  try {
    parse(args, environment);
  } catch (error) {
    assert.ok(hasCode(error, 'config_invalid'));
    return (error as Error).message;
  }
  return '';
};

test('help is asked for anywhere, and has every option of its own', () => {
  const { help } = parseUpOptions(['--port', 'x', '--help'], {}) as { help: string };
  for (const word of ['--no-install', '--port', '--workers', '--mongodb', 'DOCKER_HOST', 'Exit codes']) {
    assert.ok(help.includes(word), word);
  }
});

test('it may install unless told not to, by option or variable', () => {
  assert.is(parse([]).mayInstall, true);
  assert.is(parse(['--port', '1', '--no-install']).mayInstall, false);
  assert.is(parse([], { CO_NO_INSTALL: '1' }).mayInstall, false);
});

test("Docker's variable is used where none of ours says otherwise", () => {
  const DOCKER_HOST = 'tcp://engine:2375';
  assert.is(parse([], { DOCKER_HOST }).config.dockerAddress, DOCKER_HOST);
  assert.is(parse([], { DOCKER_HOST, CO_DOCKER_HOST: '/a.sock' }).config.dockerAddress, '/a.sock');
  assert.is(parse(['--docker', '/b.sock'], { DOCKER_HOST, CO_DOCKER_HOST: '/a.sock' }).config.dockerAddress, '/b.sock');
});

test('processes it starts read the same from their environment', () => {
  const { environment } = parse(['--port', '5001', '--cluster=shop'], { CO_PORT: '1', PATH: '/bin' });
  assert.equal(environment, { CO_PORT: '5001', CO_CLUSTER: 'shop', PATH: '/bin' });
});

test('MongoDB and RabbitMQ come as a pair', () => {
  assert.match(refusal(['--mongodb', 'mongodb://db']), /^--amqp goes with --mongodb/);
  assert.match(refusal([], { CO_AMQP_URL: 'amqp://root:hunter2@broker' }), /^--mongodb goes with --amqp/);
  assert.not.match(refusal([], { CO_AMQP_URL: 'amqp://root:hunter2@broker' }), /hunter2/);
  assert.is(parse(['--mongodb', 'mongodb://db', '--amqp', 'amqp://broker']).config.amqpUrl, 'amqp://broker');
});

test("Docker's own variables say where the engine is, and its TLS where that is verified", () => {
  const docker = { DOCKER_HOST: 'tcp://engine:2376', DOCKER_CERT_PATH: '/certs' };
  assert.is(parse([], docker).config.dockerCertPath, null);
  const { config, environment } = parse([], { ...docker, DOCKER_TLS_VERIFY: '1' });
  assert.equal([config.dockerAddress, config.dockerCertPath], ['tcp://engine:2376', '/certs']);
  assert.is(environment.CO_DOCKER_CERT_PATH, '/certs');
  const atHome = { DOCKER_HOST: 'tcp://engine:2376', DOCKER_TLS_VERIFY: '1', HOME: '/home/ada' };
  assert.is(parse([], atHome).config.dockerCertPath, '/home/ada/.docker');
  const local = { DOCKER_HOST: 'unix:///run/d.sock', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' };
  assert.is(parse([], local).config.dockerCertPath, null);
});

test.run();
