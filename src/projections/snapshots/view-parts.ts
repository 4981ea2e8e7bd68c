/**
 * A view in V8's own format, which keeps maps, sets and what is shared; in parts, so that a manager that reads one serves others
 * meanwhile. It is read by the program that wrote it, or not at all.
 */

import { deserialize, serialize } from 'node:v8';
import { createYielder } from '../../concurrency/yielder.ts';
import type { ClusterView, ContainerView } from '../view/cluster-view.ts';
import type { SlotView } from '../view/slot-view.ts';

/** Named in a snapshot: what is written otherwise is not read. */
export const partsFormat = `v8 ${process.versions.v8.split('.').slice(0, 2).join('.')}, in parts`;

/** Read in some milliseconds. */
const membersPerPart = 500;
/** How long reading may keep the event loop. */
const sliceMs = 10;
const lengthBytes = 4;

/** The first part: all but what there are thousands of. Specs are shared by services and containers. */
type Rest = { view: ClusterView; specs: ContainerView['spec'][] };
type SlotOf = { service: string; slot: SlotView };
type StoredContainer = Omit<ContainerView, 'spec'> & { spec: number };

/** @param view stays as it is meanwhile */
export async function writeParts(view: ClusterView): Promise<Buffer> {
  const yielder = createYielder(sliceMs);
  const written: Buffer[] = [];
  for (const part of partsOf(view)) {
    if (yielder.isDue()) await yielder.yield();
    const bytes = serialize(part);
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32LE(bytes.length);
    written.push(length, bytes);
  }
  return Buffer.concat(written);
}

function partsOf(view: ClusterView): unknown[] {
  const indexes = new Map<ContainerView['spec'], number>();
  const containers = Array.from(view.containers.values(), (container): StoredContainer => {
    const { spec } = container;
    if (!indexes.has(spec)) indexes.set(spec, indexes.size);
    return { ...container, spec: indexes.get(spec)! };
  });
  const slots: SlotOf[] = [];
  const services: ClusterView['services'] = new Map();
  for (const [name, service] of view.services) {
    services.set(name, { ...service, slots: new Map() });
    for (const slot of service.slots.values()) slots.push({ service: name, slot });
  }
  const rest: Rest = { view: { ...view, services, containers: new Map() }, specs: [...indexes.keys()] };
  return [rest, ...inParts(slots), ...inParts(containers)];
}

function inParts<T>(members: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let first = 0; first < members.length; first += membersPerPart) {
    parts.push(members.slice(first, first + membersPerPart));
  }
  return parts;
}

/** @throws Error when these are none of `writeParts` */
export async function readParts(bytes: Buffer): Promise<ClusterView> {
  const yielder = createYielder(sliceMs);
  let rest: Rest | null = null;
  for (let at = 0; at < bytes.length; ) {
    const end = at + lengthBytes + bytes.readUInt32LE(at);
    const part: unknown = deserialize(bytes.subarray(at + lengthBytes, end));
    if (rest === null) rest = part as Rest;
    else for (const member of part as (SlotOf | StoredContainer)[]) putBack(rest, member);
    if (yielder.isDue()) await yielder.yield();
    at = end;
  }
  if (rest === null) throw new Error('the first part is missing');
  return rest.view;
}

function putBack({ view, specs }: Rest, member: SlotOf | StoredContainer): void {
  if ('id' in member) view.containers.set(member.id, { ...member, spec: specs[member.spec]! });
  else view.services.get(member.service)!.slots.set(member.slot.slot, member.slot);
}
