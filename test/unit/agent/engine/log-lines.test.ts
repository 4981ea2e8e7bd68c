/** Docker's frames as lines, however they are cut on the way. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createFrameReader, createLineReader } from '../../../../src/agent/engine/log-lines.ts';
import { lineBytesMax } from '../../../../src/model/stream.ts';

const test = suite('lines of a container');
const at = '2026-01-02T03:04:05.678901234Z';

function frame(text: string, output: 1 | 2 = 1): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = output;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

function readIn(pieces: Buffer[], mask = (text: string) => text) {
  const readFrames = createFrameReader();
  const reader = createLineReader(mask);
  const lines = pieces.flatMap((piece) => reader.read(readFrames(piece)));
  return [...lines, ...reader.rest()];
}

test('frames are lines with their time and output, whatever pieces they come in', () => {
  const whole = Buffer.concat([frame(`${at} one\n`), frame(`${at} zwei ä\r\n`, 2), frame(`${at} \n`)]);
  const expected = [
    { at: '2026-01-02T03:04:05.678Z', output: 'stdout', text: 'one' },
    { at: '2026-01-02T03:04:05.678Z', output: 'stderr', text: 'zwei ä' },
    { at: '2026-01-02T03:04:05.678Z', output: 'stdout', text: '' },
  ];
  assert.equal(readIn([whole]), expected);
  for (const size of [1, 3, 7, 20]) {
    const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
      whole.subarray(index * size, (index + 1) * size),
    );
    assert.equal(readIn(pieces), expected);
  }
});

test('entries without a line end are one line with those that follow, each output for itself', () => {
  const frames = [frame(`${at} be`), frame(`${at} other\n`, 2), frame(`${at} gin\n`), frame(`${at} rest`)];
  assert.equal(
    readIn(frames).map(({ text }) => text),
    ['other', 'begin', 'rest'],
  );
});

test('a long line is cut, and a secret across the cut is not sent in part', () => {
  const secret = 'hush'.repeat(10);
  const mask = (text: string) => text.replaceAll(secret, '[secret]');
  const [line] = readIn([frame(`${at} ${'x'.repeat(lineBytesMax - 20)}${secret}\n`)], mask);
  assert.not.match(line!.text, /hush/);
  assert.ok(Buffer.byteLength(line!.text) <= lineBytesMax);
  const endless = Array.from({ length: 100 }, () => frame(`${at} ${secret}${'x'.repeat(3_001)}`));
  const [cut] = readIn(endless, mask);
  assert.ok(Buffer.byteLength(cut!.text) <= lineBytesMax);
  assert.not.match(cut!.text, /hush/);
  assert.ok(cut!.text.startsWith('[secret]xxx'));
});

test('what is no frame ends the reading', () => {
  const readFrames = createFrameReader();
  assert.throws(() => readFrames(Buffer.from('ÿÿÿÿÿÿÿÿÿÿÿÿÿÿ')), /no frame/);
});

test.run();
