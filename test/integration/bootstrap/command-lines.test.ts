/** Every program that a person types has one look: of its help, and of what it says to wrong usage. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('command lines');

type Ended = { code: number; out: string; err: string };

/** As its name calls it, but for the packages, which are there. */
function run(program: string, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const path = fileURLToPath(new URL(`../../../${program}`, import.meta.url));
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const options = { env: { PATH, NODE_COMPILE_CACHE, ...environment }, timeout: 60_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [path, ...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

const programs = {
  coctl: 'src/cli/main.ts',
  'node src/main.ts': 'src/main.ts',
  './bootstrap/up': 'bootstrap/cluster/up.ts',
  './bootstrap/down': 'bootstrap/cluster/down.ts',
  './bootstrap/join': 'bootstrap/cluster/join.ts',
  './bootstrap/node': 'bootstrap/cluster/node-control/command.ts',
} as const;

for (const [name, program] of Object.entries(programs)) {
  test(`${name} --help has usage, settings with default and variable, exit codes, and what to type`, async () => {
    const { code, out, err } = await run(program, ['--help']);
    assert.equal([code, err], [0, '']);
    assert.ok(out.startsWith(`Usage: ${name} `), out.slice(0, 60));
    assert.match(out, /\n {2}-h, --help +display help for command\n/);
    assert.match(out, /^Exit codes:\n {2}0 /m);
    // coctl has them in the help of each command.
    if (name === 'coctl') return;
    assert.match(out, /\n {2}--(data|amqp) <\w+> [^)]*\(default: [^)]+,\s+env:\s+CO_\w+\)\n/);
    const [, shown = ''] = out.split('\nExamples:\n');
    for (const line of shown.trimEnd().split('\n')) assert.ok(line.startsWith(`  ${name} `), line);
  });

  test(`${name} names the option that does not exist and the one that may be meant`, async () => {
    const { code, out, err } = await run(program, ['--hepl']);
    assert.equal([code, out], [2, '']);
    assert.is(err, "error: unknown option '--hepl'\n(Did you mean --help?)\n(--help says how)\n");
  });
}

const misused: [program: keyof typeof programs, args: string[], environment: NodeJS.ProcessEnv, says: RegExp][] = [
  ['coctl', ['servics'], {}, /unknown command 'servics'\n\(Did you mean services\?\)/],
  ['coctl', ['ps', '--url', 'x'], {}, /"x" is no URL such as http:.*/],
  ['coctl', ['ps'], { CO_URL: 'ftp://x' }, /"ftp:\/\/x" is no URL such as http:.*/],
  ['node src/main.ts', ['mangaer'], {}, /unknown command 'mangaer'\n\(Did you mean manager\?\)/],
  ['node src/main.ts', ['up', '--port', 'x'], {}, /--port must be a whole number from 0 to 65535, not "x"/],
  ['node src/main.ts', ['up'], { CO_PORT: 'x' }, /CO_PORT must be a whole number from 0 to 65535, not "x"/],
  ['node src/main.ts', ['manager'], {}, /--mongodb and --amqp are both needed by `manager`.*/],
  ['./bootstrap/up', ['--prot', '1'], {}, /unknown option '--prot'\n\(Did you mean --port\?\)/],
  ['./bootstrap/up', [], { CO_ENGINE: 'real' }, /CO_ENGINE must be auto, docker or simulated, not "real"/],
  ['./bootstrap/up', ['--mongodb', 'mongodb://u:hunter2@x'], {}, /--amqp goes with --mongodb: .*/],
  ['./bootstrap/down', ['everything'], {}, /too many arguments\. Expected 0 arguments but got 1: everything\./],
  ['./bootstrap/down', ['--docker-tls', '/certs'], {}, /--docker-tls goes with --docker tcp:\/\/.*/],
  ['./bootstrap/join', ['--node'], {}, /option '--node <ID>' argument missing/],
  ['./bootstrap/join', ['--node', 'a', '--admin', 'http://u:hunter2@b'], {}, /--cluster-id must be a uuid: .*/],
  ['./bootstrap/node', ['dwon', 'worker-1'], {}, /unknown command 'dwon'\n\(Did you mean down\?\)/],
  ['./bootstrap/node', ['--data', 'x'], {}, /a command is missing: list, down, back/],
  ['./bootstrap/node', ['down'], {}, /missing required argument 'node'/],
  ['./bootstrap/node', ['back', 'worker-1', '--kill-containers'], {}, /unknown option '--kill-containers'/],
];
for (const [name, args, environment, says] of misused) {
  const set = Object.entries(environment).map(([variable, value]) => `${variable}=${value} `);
  test(`${set.join('')}${name} ${args.join(' ')} is refused by name and rule`, async () => {
    const { code, out, err } = await run(programs[name], args, environment);
    assert.equal([code, out], [2, '']);
    assert.match(err, new RegExp(`^error: ${says.source}\n\\(--help says how\\)\n$`));
    assert.not.match(err, /hunter2/);
  });
}

test.run();
