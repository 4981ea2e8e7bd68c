/** What every engine promises about what a container prints, a command inside it, and what it uses. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine, EngineExec } from '../../src/agent/engine/engine.ts';
import { hasCode } from '../../src/errors.ts';
import type { LogLine, LogOptions } from '../../src/model/stream.ts';
import { until } from '../support/wait.ts';
import { type EngineUnderTest, request, run } from './engine-contract.ts';

const id = 'web.1-a';
const all: LogOptions = { follow: false, tail: null, since: null };
const asIs = (text: string) => text;

type Reading = { lines: LogLine[]; texts(): string[]; isOver(): boolean; ending: AbortController };

function read(engine: Engine, options: LogOptions, mask = asIs): Reading {
  const [lines, ending] = [[] as LogLine[], new AbortController()];
  let isOver = false;
  const reading = (async () => {
    for await (const batch of engine.logs(id, options, { mask, signal: ending.signal })) lines.push(...batch);
  })();
  reading.finally(() => {
    isOver = true;
  });
  const texts = () => lines.map(({ text }) => text).filter((text) => text.startsWith('line'));
  return { lines, texts, isOver: () => isOver, ending };
}

async function readAll(engine: Engine, options: LogOptions, mask = asIs): Promise<Reading> {
  const reading = read(engine, options, mask);
  await until('the end of what there is', reading.isOver);
  return reading;
}

async function outputOf(exec: EngineExec): Promise<string> {
  let text = '';
  for await (const { bytes } of exec.output()) text += bytes.toString();
  return text;
}

/** @param whyNot why this engine cannot be tested here, null when it can */
export function testEngineStreamsContract(
  name: string,
  open: () => Promise<EngineUnderTest>,
  whyNot: string | null = null,
) {
  const test = suite(`engine streams contract: ${name}`);
  const promise = (sentence: string, body: (machine: EngineUnderTest, engine: Engine) => Promise<void>) => {
    if (whyNot !== null) return test.skip(sentence);
    return test(sentence, async () => {
      const machine = await open();
      try {
        const engine = machine.engine('a');
        await run(engine, request(machine));
        await body(machine, engine);
      } finally {
        await machine.close();
      }
    });
  };

  promise('lines are read as they were printed, and the reading ends with what there is', async (machine, engine) => {
    await machine.print(id, 'line 1\nline 2\nline ä\n');
    await until('the lines are there', async () => (await readAll(engine, all)).texts().length === 3);
    const { texts, lines } = await readAll(engine, all);
    assert.equal(texts(), ['line 1', 'line 2', 'line ä']);
    for (const { at, output } of lines) {
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.is(output, 'stdout');
    }
    assert.equal((await readAll(engine, { ...all, tail: 1 })).texts(), ['line ä']);
    assert.equal((await readAll(engine, { ...all, since: '2200-01-01T00:00:00.000Z' })).texts(), []);
  });

  promise('a follower gets what is printed later, and comes to an end with the container', async (machine, engine) => {
    const reading = read(engine, { ...all, follow: true, tail: 0 });
    await until('a line that was printed later', async () => {
      await machine.print(id, 'line later\n');
      return reading.texts().length > 0;
    });
    assert.not.ok(reading.isOver());
    await machine.kill(id);
    await until('the end', reading.isOver);
  });

  promise('a follower that leaves is let go while the container runs on', async (machine, engine) => {
    const reading = read(engine, { ...all, follow: true });
    await machine.print(id, 'line 1\n');
    await until('the line', () => reading.texts().length > 0);
    reading.ending.abort();
    await until('the end', reading.isOver);
    assert.is((await engine.inspect(id))?.state, 'running');
  });

  promise('what is masked is not in the lines', async (machine, engine) => {
    await machine.print(id, 'line hush-hush\n');
    const mask = (text: string) => text.replaceAll('hush-hush', '[secret]');
    const reading = await until('the line', async () => {
      const found = await readAll(engine, all, mask);
      return found.texts().length > 0 ? found : null;
    });
    assert.equal(reading.texts(), ['line [secret]']);
  });

  promise('there are no lines of what is not there, nor of what another node has', async (machine) => {
    assert.equal((await readAll(machine.engine('b'), all)).lines, []);
  });

  promise('a command runs inside, with its output and its exit code', async (_machine, engine) => {
    const plain = { tty: false, stdin: false, size: null };
    const exec = await engine.exec(id, { command: ['echo', 'hello'], ...plain });
    assert.match(await outputOf(exec), /hello/);
    assert.is(await exec.exitCode(), 0);
    const failing = await engine.exec(id, { command: ['false'], ...plain });
    await outputOf(failing);
    assert.is(await failing.exitCode(), 1);
  });

  promise('a command gets its input, and the end of it', async (_machine, engine) => {
    const exec = await engine.exec(id, { command: ['cat'], tty: false, stdin: true, size: null });
    const output = outputOf(exec);
    await exec.write(Buffer.from('one\n'));
    await exec.write(Buffer.from('two\n'));
    exec.endInput();
    assert.is(await output, 'one\ntwo\n');
    assert.is(await exec.exitCode(), 0);
  });

  promise('nothing runs in what does not run, or is another node’s', async (machine, engine) => {
    const options = { command: ['true'], tty: false, stdin: false, size: null };
    const isRefused = async (attempt: Promise<unknown>) => {
      const error = await attempt.catch((reason: unknown) => reason);
      assert.ok(hasCode(error, 'container_not_running'), String(error));
    };
    await isRefused(machine.engine('b').exec(id, options));
    await isRefused(machine.engine('b').stats(id));
    await engine.stop(id, 1);
    await isRefused(engine.exec(id, options));
  });

  promise('what a running container uses is a number of bytes and of CPU', async (_machine, engine) => {
    const { at, cpuMillis, memoryBytes } = await engine.stats(id);
    assert.ok(Date.parse(at) > 0);
    assert.ok(Number.isInteger(cpuMillis) && cpuMillis >= 0);
    assert.ok(Number.isInteger(memoryBytes) && memoryBytes >= 0);
  });

  test.run();
}
