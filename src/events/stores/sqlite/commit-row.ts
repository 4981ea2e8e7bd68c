/** The shapes that cross between the embedded log's thread and its caller. */

/** A commit as its row: `appends` and `events` are RFC 8785 text; `events` is null once pruned. */
export type CommitRow = {
  slot: number;
  first: number;
  count: number;
  at: string;
  class: string;
  writer: string;
  commitId: string;
  appends: string;
  bodyHash: string;
  hash: string;
  events: string | null;
};

/**
 * Many commits: each as one JSON text, all texts as one piece of UTF-8 that changes hands. Rows sent as objects would be
 * copied field by field, by both threads.
 */
export type PackedRows = { slots: number[]; firsts: number[]; ends: number[]; texts: ArrayBuffer };

export type PackedRow = Pick<CommitRow, 'slot' | 'first'> & { text: string };

export function packRows(rows: readonly CommitRow[]): PackedRows {
  const texts = rows.map(({ appends, events, ...header }) => {
    return `${JSON.stringify(header).slice(0, -1)},"appends":${appends},"events":${events}}`;
  });
  const bytes = Buffer.allocUnsafeSlow(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
  let end = 0;
  const ends = texts.map((text) => {
    end += bytes.write(text, end);
    return end;
  });
  return { slots: rows.map(({ slot }) => slot), firsts: rows.map(({ first }) => first), ends, texts: bytes.buffer };
}

/** @param parse what to make of each */
export function unpackRows<T>({ slots, firsts, ends, texts }: PackedRows, parse: (row: PackedRow) => T): T[] {
  const bytes = Buffer.from(texts);
  return slots.map((slot, index) => {
    const text = bytes.toString('utf8', ends[index - 1] ?? 0, ends[index]);
    return parse({ slot, first: firsts[index]!, text });
  });
}

export type RowRange = {
  afterSlot: number;
  toSlot: number;
  limit: number;
  isBackward: boolean;
  class: string | null;
  subjects: string[] | null;
};
