/** Owns the shapes that cross between the embedded log's thread and its caller. */

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

export type RowRange = {
  afterSlot: number;
  toSlot: number;
  limit: number;
  isBackward: boolean;
  class: string | null;
  subjects: string[] | null;
};
