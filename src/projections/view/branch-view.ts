/**
 * A branch of a view: folds on from it, and leaves it as it is. What no event changes is shared by both, so a branch of 10 000
 * containers takes a millisecond, and the memory of what was changed. Pure but for the branch itself.
 */

import type { LogEvent } from '../../events/schema/event.ts';
import type { ClusterView, ServiceView } from './cluster-view.ts';
import { copyContainer, copyMember } from './copy-view.ts';
import { evolve } from './evolve.ts';
import { nothingTouched } from './touched.ts';

export type Branch = {
  /** Changed by `fold`: read it before the next one. */
  readonly view: ClusterView;
  /** @throws what `evolve` throws; the branch is of no use then */
  fold(event: LogEvent): void;
};

/** @param base is not folded any more, as long as the branch is used */
export function branchView(base: ClusterView): Branch {
  const state: FoldState = { isFolding: false };
  const { containers, services, nodes, engines, ...rest } = base;
  const touched = nothingTouched();
  const view: ClusterView = {
    ...copyMember(rest),
    containers: new SharingMap(containers, copyContainer, state),
    services: new SharingMap(services, (service) => copyService(service, state), state),
    nodes: new SharingMap(nodes, copyMember, state),
    engines: new SharingMap(engines, copyMember, state),
  };
  return {
    view,
    fold(event) {
      state.isFolding = true;
      try {
        evolve(view, event, touched);
      } finally {
        state.isFolding = false;
        touched.services.clear();
        touched.nodes.clear();
      }
    },
  };
}

function copyService({ slots, ...rest }: ServiceView, state: FoldState): ServiceView {
  return { ...copyMember(rest), slots: new SharingMap(slots, copyMember, state) };
}

/** Of all maps of a branch. While it folds, what is taken from them may be changed; else it is only read. */
type FoldState = { isFolding: boolean };

/** Begins with the members of another map, and makes one its own before a fold may change it. */
class SharingMap<K, V> extends Map<K, V> {
  readonly #own = new Set<K>();
  readonly #copy: (value: V) => V;
  readonly #state: FoldState;

  constructor(base: ReadonlyMap<K, V>, copy: (value: V) => V, state: FoldState) {
    super();
    this.#copy = copy;
    this.#state = state;
    for (const [key, value] of base) super.set(key, value);
  }

  override get(key: K): V | undefined {
    const value = super.get(key);
    if (!this.#state.isFolding || value === undefined || this.#own.has(key)) return value;
    const copied = this.#copy(value);
    this.set(key, copied);
    return copied;
  }

  override set(key: K, value: V): this {
    this.#own.add(key);
    return super.set(key, value);
  }

  override delete(key: K): boolean {
    this.#own.delete(key);
    return super.delete(key);
  }

  override values(): MapIterator<V> {
    this.#ownAll();
    return super.values();
  }

  override entries(): MapIterator<[K, V]> {
    this.#ownAll();
    return super.entries();
  }

  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  override forEach(visit: (value: V, key: K, map: Map<K, V>) => void): void {
    this.#ownAll();
    super.forEach(visit);
  }

  /** Few events look at all: a correction of the clock, a change of a spec. */
  #ownAll(): void {
    if (this.#state.isFolding) for (const key of this.keys()) this.get(key);
  }
}
