/**
 * Makes events of API calls: cut to the limits of the catalogue, printable, and without anything that may be a secret.
 * Pure. The event is valid whatever the caller sent.
 */

import { catalog, type EventData } from '../../events/schema/catalog.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';

export type Call = {
  actor: string;
  requestId: string;
  method: string;
  /** With or without a query string; it is cut off. */
  path: string;
  status: number;
  durationMs: number;
  /** Of a refused attempt. */
  address?: string;
};
export type RefusedCall = Call & { code: string; detail: string };
export type ReadCall = EventData<'ApiReadsRecorded'>['calls'][number];

const readBounds = catalog.ApiReadsRecorded.schema.properties.calls.items.properties;
const refusalBounds = catalog.RequestRefused.schema.properties;

/** @param at ISO 8601 */
export function toReadCall(
  { actor, requestId, method, path, status, durationMs, address }: Call,
  at: string,
): ReadCall {
  return {
    at,
    actor: fit(actor, readBounds.actor),
    requestId: fit(requestId, readBounds.requestId),
    method: fit(method, readBounds.method),
    path: fit(withoutQuery(path), readBounds.path),
    status: toCount(status),
    durationMs: toCount(durationMs),
    ...(address === undefined ? {} : { address: fit(address, readBounds.address) }),
  };
}

/** @param actor of the record, which is the manager; its callers are in it */
export function readsEvent(calls: ReadCall[], actor: string): NewEvent<'ApiReadsRecorded'> {
  return { stream: streams.apiReads, type: 'ApiReadsRecorded', data: { calls }, meta: { actor, causationId: null } };
}

export function refusalEvent(call: RefusedCall): NewEvent<'RequestRefused'> {
  const { actor, requestId, method, path, status, code, detail, address } = call;
  return {
    stream: streams.api,
    type: 'RequestRefused',
    data: {
      method: fit(method, refusalBounds.method),
      path: fit(withoutQuery(path), refusalBounds.path),
      status: toCount(status),
      code: fit(code, refusalBounds.code),
      detail: fit(detail, refusalBounds.detail),
      ...(address === undefined ? {} : { address: fit(address, refusalBounds.address) }),
    },
    meta: {
      actor: fit(actor, readBounds.actor),
      requestId: fit(requestId, readBounds.requestId),
      causationId: null,
    },
  };
}

/** Two halves of events that the log refuses together, to be tried one by one. null: it is a single call. */
export function halve(events: readonly NewEvent[]): [NewEvent[], NewEvent[]] | null {
  const [first, second] = events;
  if (second) return cutInTwo(events);
  if (first?.type !== 'ApiReadsRecorded' || first.data.calls.length < 2) return null;
  const [one, other] = cutInTwo(first.data.calls);
  return [[readsEvent(one, first.meta.actor)], [readsEvent(other, first.meta.actor)]];
}

export const countCalls = (events: readonly NewEvent[]) =>
  events.reduce((sum, { type, data }) => sum + (type === 'ApiReadsRecorded' ? data.calls.length : 1), 0);

const cutInTwo = <T>(items: readonly T[]): [T[], T[]] => {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
};

/** A query string may contain a token by mistake. */
function withoutQuery(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

const unprintable = /[^\x20-\x7e]/g;

/** Cuts before it replaces: a request may be long. */
function fit(text: string, { maxLength = 0 }: { maxLength?: number }): string {
  const cut = text.slice(0, maxLength);
  return cut.search(unprintable) < 0 ? cut : cut.replaceAll(unprintable, '?');
}

/** 0 for a negative number and for what is not a number. */
const toCount = (value: number) => Math.min(Math.max(0, Math.round(value) || 0), Number.MAX_SAFE_INTEGER);
