/**
 * A summary of what some commits are about, of the same size however many they are: it says for certain what they
 * are not about, and of the rest that they may be (a Bloom filter of two bits a subject). Pure, but for the marks it is given.
 */

export type Marks = Uint32Array;

/** A power of two. A hundred commits that are about 150 things leave one in fifty other things in doubt. */
const bits = 2048;

export const noMarks = (): Marks => new Uint32Array(bits / 32);

export function addMark(marks: Marks, subject: string): void {
  for (const bit of bitsOf(subject)) marks[bit >>> 5]! |= 1 << (bit & 31);
}

export function mergeMarks(into: Marks, from: Marks): void {
  for (const [index, word] of from.entries()) into[index]! |= word;
}

/** Whether, by these marks, any of the subjects may be among what was added; false is certain. */
export function mayBeAbout(subjects: readonly string[]): (marks: Marks) => boolean {
  const wanted = subjects.map(bitsOf);
  return (marks) => wanted.some((pair) => pair.every((bit) => ((marks[bit >>> 5]! >>> (bit & 31)) & 1) === 1));
}

function bitsOf(subject: string): [number, number] {
  const hash = hashOf(subject);
  return [hash % bits, (hash >>> 16) % bits];
}

/** FNV-1a with 32 bits, http://www.isthe.com/chongo/tech/comp/fnv/, and a last mixing: names that differ in their end only spread. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
