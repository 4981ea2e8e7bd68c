/** A queue in memory, first in, first out. Adding and taking cost the same however long it is. */

export type Fifo<T> = {
  length(): number;
  add(item: T): void;
  /** The next one, left in the queue. */
  peek(): T | undefined;
  take(): T | undefined;
  /** All that are left, in order. */
  items(): T[];
};

export function createFifo<T>(initial: readonly T[] = []): Fifo<T> {
  let items = [...initial];
  let head = 0;
  return {
    length: () => items.length - head,
    add(item) {
      items.push(item);
    },
    peek: () => items[head],
    take() {
      if (head === items.length) return undefined;
      const item = items[head];
      head += 1;
      // Moving what is left costs as much as what was taken, so each item is moved about once.
      if (head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
    items: () => items.slice(head),
  };
}
