/** Runs `./bootstrap/test`: its options, its interruption, and its last line, `N passed, N failed, N skipped`. */

import { fileURLToPath } from 'node:url';
import { AppError, errorMessage } from '../../src/errors.ts';
import { createProgram, parseArguments } from '../../src/process/arguments.ts';
import { exitMessage } from '../../src/process/lifecycle.ts';
import { type Outcome, runTests } from './run-tests.ts';

const program = createProgram(
  './bootstrap/test',
  `Runs the types, the lint and every test: against a Docker Engine, RabbitMQ and MongoDB, which it starts, as root on Debian or one of its kin
installs, and ends.`,
)
  .argument(
    '[pattern...]',
    'only the test files whose path matches one of these regular expressions, and neither types nor lint',
  )
  .option('--quick', 'what needs no server, in under a minute')
  .addHelpText(
    'after',
    `
Environment:
  CO_TEST_DOCKER_SOCKET         use the engine behind this unix socket
  CO_TEST_AMQP_URL              use this RabbitMQ, as a user who may do everything; its management plugin is expected 10 000 ports above, or at
                                CO_TEST_AMQP_MANAGEMENT_URL
  CO_TEST_MONGODB_URL           use this MongoDB
  CO_TEST_REGISTRY              use this registry at 127.0.0.1:port, which has the user of bootstrap/services/registry.ts
  CO_TEST_CHROMIUM              use this Chromium
  CI                            set: a server that cannot be had fails the run; otherwise its tests are skipped

Exit codes:
  0  every test that ran passed, and some did
  1  something failed, or no test ran
  2  wrong usage
  130, 143  interrupted`,
  );

const projectDir = fileURLToPath(new URL('../..', import.meta.url));
process.chdir(projectDir);
const { isQuick, patterns } = readArguments();
const interruption = new AbortController();
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
for (const name of Object.keys(exitCodes) as (keyof typeof exitCodes)[]) {
  process.on(name, () => {
    process.exitCode = exitCodes[name];
    if (!interruption.signal.aborted) console.log(`\n${name}: ending what was started …`);
    interruption.abort();
  });
}

const outcome = await runTests({
  projectDir,
  isQuick,
  patterns,
  isCi: isSet(process.env.CI),
  signal: interruption.signal,
});
print(outcome);

function print({ passed, failed, skipped, failures }: Outcome): void {
  if (failures.length > 0) console.log(`\nfailed:\n${failures.map((line) => `  ${line}`).join('\n')}`);
  if (!process.exitCode) process.exitCode = failed > 0 ? 1 : 0;
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
}

function readArguments(): { isQuick: boolean; patterns: RegExp[] } {
  try {
    const parsed = parseArguments(program, process.argv.slice(2));
    if (parsed.kind === 'run') {
      return { isQuick: parsed.options.quick === true, patterns: parsed.args.map(parsePattern) };
    }
    process.stdout.write(parsed.text);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${exitMessage(error)}\n`);
    process.exit(2);
  }
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new AppError('usage_invalid', `pattern: ${errorMessage(error)}`);
  }
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
