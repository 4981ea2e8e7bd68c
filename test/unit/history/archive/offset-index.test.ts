/** Places in an exported log: nothing is missed however far they are thinned out, and most of what is elsewhere is not read. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createPlaces, type Places, type Slots } from '../../../../src/history/archive/offset-index.ts';

const test = suite('transfer places');

const containersOf = (slot: number) => [`container/web.${slot % 50}-${(slot >> 3).toString(36)}`, 'service/web'];
const head = (slot: number) => ({ slot, position: slot, at: '2026-01-01T00:00:00.000Z', hash: '0'.repeat(64) });

function placesOf(slots: number, max: number): Places {
  const places = createPlaces({ max });
  for (let slot = 1; slot <= slots; slot += 1) {
    places.add({ slot, first: slot, at: head(slot).at, offset: slot * 10 }, containersOf(slot));
  }
  places.setHead(head(slots));
  return places;
}

const slotsIn = (parts: readonly Slots[]) => parts.reduce((sum, { afterSlot, toSlot }) => sum + toSlot - afterSlot, 0);
const isIn = (parts: readonly Slots[], slot: number) =>
  parts.some(({ afterSlot, toSlot }) => slot > afterSlot && slot <= toSlot);

for (const max of [5_000, 512, 4]) {
  test(`each slot is in the parts about each of its subjects, with ${max} places at most`, () => {
    const places = placesOf(4_000, max);
    const all = { afterSlot: 0, toSlot: 4_000 };
    for (let slot = 1; slot <= 4_000; slot += 7) {
      for (const subject of containersOf(slot)) assert.ok(isIn(places.partsAbout([subject], all), slot), `${slot}`);
    }
  });
}

test('little is read for what is in a few places, and nothing for what is nowhere', () => {
  const places = placesOf(4_000, 512);
  const all = { afterSlot: 0, toSlot: 4_000 };
  assert.ok(slotsIn(places.partsAbout([containersOf(1_000)[0]!], all)) < 200);
  assert.ok(slotsIn(places.partsAbout(['container/other.1-1'], all)) < 200);
  assert.equal(places.partsAbout(['service/web'], all), [all], 'neighbours are one part');
});

test('parts stay within the range, in order; about anything is all of it', () => {
  const places = placesOf(4_000, 512);
  const range = { afterSlot: 1_003, toSlot: 2_991 };
  assert.equal(places.partsAbout(['service/web'], range), [range]);
  assert.equal(places.partsAbout(null, range), [range]);
  assert.equal(places.partsAbout(null, { afterSlot: 7, toSlot: 7 }), []);
  const parts = places.partsAbout(
    [1_100, 1_900, 2_800].map((slot) => containersOf(slot)[0]!),
    range,
  );
  assert.equal(
    parts,
    parts.toSorted((a, b) => a.afterSlot - b.afterSlot),
  );
  assert.ok(parts.every(({ afterSlot, toSlot }) => afterSlot >= 1_003 && toSlot <= 2_991));
});

test.run();
