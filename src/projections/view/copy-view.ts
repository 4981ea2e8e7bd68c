/** Copies a view, so that it stays as it is while the other is folded on. Specs are shared: a fold replaces them whole. Pure. */

import type { ClusterView, ContainerView } from './cluster-view.ts';

/** A tenth of the time of `structuredClone`. */
export function copyView(view: ClusterView): ClusterView {
  const { containers, ...rest } = view;
  const copies = new Map<string, ContainerView>();
  for (const [id, container] of containers) copies.set(id, copyContainer(container));
  // The members keep their order, which is that of its text.
  return { ...view, ...copyMember(rest), containers: copies };
}

/** What a container holds is replaced, never changed: the object itself is all there is to copy. */
export const copyContainer = (container: ContainerView): ContainerView => ({ ...container });

/** Of a part of a view, with all that is inside but specs. */
export function copyMember<T>(member: T): T {
  return copyAny(member) as T;
}

function copyAny(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Map) {
    const copy = new Map();
    for (const [key, member] of value) copy.set(key, copyAny(member));
    return copy;
  }
  if (value instanceof Set) return new Set(value);
  if (Array.isArray(value)) return value.length === 0 ? [] : value.map(copyAny);
  const copy: Record<string, unknown> = { ...value };
  for (const key in copy) {
    const member = copy[key];
    if (key !== 'spec' && member !== null && typeof member === 'object') copy[key] = copyAny(member);
  }
  return copy;
}
