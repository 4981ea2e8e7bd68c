/**
 * A view as JSON, for programs that fold on from it and are not this process: a browser has no format of V8. Maps and
 * sets are marked, and a spec that many containers share is written once. Pure.
 */

import type { ClusterView } from '../view/cluster-view.ts';

type Encoded = { specs: unknown[]; view: unknown };

/** What may leave the manager: a fold needs no hashes of tokens and passwords. */
export function writeView(view: ClusterView): string {
  const writing = writeViewInSteps(view);
  for (;;) {
    const { done, value } = writing.next();
    if (done) return value.join('');
  }
}

/** Members of a map that are written in a step: of services with many slots half a millisecond. */
const membersAtOnce = 16;

/**
 * As `writeView`, for those who let others run meanwhile: after each step it may be left for as long as the view stays as it is.
 * Written by hand for speed: a view of 10 000 containers takes 0.1 s, by a replacer of JSON.stringify three times as long.
 * @returns the parts of the text, in order
 */
export function* writeViewInSteps(view: ClusterView): Generator<void, string[]> {
  const { specs, encode } = createEncoder();
  const parts: string[] = [];
  for (const [name, value] of Object.entries(withoutHashes(view))) {
    parts.push(`${parts.length === 0 ? '' : ','}${JSON.stringify(name)}:`);
    if (value instanceof Map) yield* writeMap(value, { parts, encode });
    else parts.push(JSON.stringify(encode(value)));
    yield;
  }
  return [`{"specs":${JSON.stringify(specs)},"view":{`, ...parts, '}}'];
}

type Encode = (value: unknown) => unknown;

function* writeMap(map: ReadonlyMap<unknown, unknown>, { parts, encode }: { parts: string[]; encode: Encode }) {
  let members: unknown[] = [];
  let separator = '';
  const write = () => {
    parts.push(separator, JSON.stringify(members).slice(1, -1));
    separator = ',';
    members = [];
  };
  parts.push('{"$map":[');
  for (const [key, member] of map) {
    if (members.push([key, encode(member)]) < membersAtOnce) continue;
    write();
    yield;
  }
  if (members.length > 0) write();
  parts.push(']}');
}

function withoutHashes(view: ClusterView): ClusterView {
  const tokens = new Map(Array.from(view.tokens, ([id, token]) => [id, { ...token, hash: '' }]));
  const registryLogins = new Map(
    Array.from(view.registryLogins, ([host, login]) => [host, { ...login, passwordHash: '' }]),
  );
  return { ...view, tokens, registryLogins };
}

/** `specs`: those that were met so far. */
function createEncoder(): { specs: unknown[]; encode: Encode } {
  const specs: unknown[] = [];
  const indexes = new Map<unknown, number>();

  const indexOf = (spec: unknown): number => {
    const known = indexes.get(spec);
    if (known !== undefined) return known;
    indexes.set(spec, specs.length);
    return specs.push(spec) - 1;
  };
  const encode = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (value instanceof Map) return { $map: Array.from(value, ([key, member]) => [key, encode(member)]) };
    if (value instanceof Set) return { $set: [...value] };
    if (Array.isArray(value)) return value;
    const encoded: Record<string, unknown> = {};
    for (const key in value) {
      const member = (value as Record<string, unknown>)[key];
      encoded[key] = key === 'spec' ? { $spec: indexOf(member) } : encode(member);
    }
    return encoded;
  };
  return { specs, encode };
}

/** @param encoded of `writeView`, parsed; by a program of the same `projectionVersion`. It becomes part of the view */
export function parseView(encoded: object): ClusterView {
  const { specs, view } = encoded as Encoded;

  const decode = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    const members = value as Record<string, unknown>;
    if ('$map' in members) {
      return new Map((members.$map as [unknown, unknown][]).map(([key, member]) => [key, decode(member)]));
    }
    if ('$set' in members) return new Set(members.$set as unknown[]);
    if ('$spec' in members) return specs[members.$spec as number];
    for (const key in members) members[key] = decode(members[key]);
    return members;
  };

  return decode(view) as ClusterView;
}
