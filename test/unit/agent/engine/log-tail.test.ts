import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundTail, joinFrames, tailBytesMax } from '../../../../src/agent/engine/log-tail.ts';

const test = suite('log tail');

function frame(stream: 1 | 2, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

test('frames of both streams are joined in their order', () => {
  assert.is(
    joinFrames(Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n'), frame(1, 'again\n')])),
    'out\nerr\nagain\n',
  );
});

test('a character split over two frames is whole again', () => {
  const [first, second] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)];
  const raw = [first, second].map((bytes) => Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 1]), bytes]));
  assert.is(joinFrames(Buffer.concat(raw)), 'é');
});

test('a frame cut off at the end is left out', () => {
  assert.is(joinFrames(Buffer.concat([frame(1, 'whole\n'), frame(1, 'cut off').subarray(0, 10)])), 'whole\n');
  assert.is(joinFrames(Buffer.from([1, 0, 0])), '');
  assert.is(joinFrames(Buffer.alloc(0)), '');
});

for (const [what, text, lines, expected] of [
  ['only the last lines are kept', 'a\nb\nc\n', 2, ['b', 'c']],
  ['an empty line in between stays', 'a\n\nc\n', 3, ['a', '', 'c']],
  ['no output is no line', '', 20, []],
  ['a line end of Windows goes', 'a\r\nb\r\n', 20, ['a', 'b']],
  [
    'control characters are replaced, tabs stay',
    '\u001b[31mred\u0007\tx\u009b\n',
    20,
    ['\ufffd[31mred\ufffd\tx\ufffd'],
  ],
] as const) {
  test(what, () => assert.equal(boundTail(text, lines), [...expected]));
}

test('together at most 4 KiB: the oldest line loses its beginning', () => {
  const tail = boundTail(`${'x'.repeat(5_000)}\nlast\n`, 20);
  assert.is(tail.length, 2);
  assert.is(tail[1], 'last');
  assert.is(Buffer.byteLength(tail.join('')), tailBytesMax);
});

test('a cut never begins inside a character', () => {
  const [line] = boundTail('€'.repeat(3_000), 20);
  assert.ok(Buffer.byteLength(line!) <= tailBytesMax);
  assert.match(line!, /^€+$/);
});

test.run();
