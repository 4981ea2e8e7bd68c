/** Volumes, tmpfs and ports of a compose service as those of a container. Pure. */

import { AppError } from '../../errors.ts';
import { defined } from '../sources/defined.ts';
import { parseBytes } from '../sources/option-values.ts';
import { isTree, type Tree } from './merge.ts';
import { bindInstead, type Note, notesOfRest } from './notes.ts';
import { toList, toNumber } from './values.ts';

/** The lists are as a request has them. */
export type Mounts = { binds: Tree[]; tmpfs: Tree[]; notes: Note[] };
type Ports = { ports: Tree[]; notes: Note[] };

export function toMounts(path: string, volumes: unknown, tmpfs: unknown): Mounts {
  const mounts: Mounts = { binds: [], tmpfs: toList(tmpfs).map((text) => parseTmpfs(String(text))), notes: [] };
  for (const [index, volume] of toList(volumes).entries()) {
    addVolume(mounts, `${path}.volumes[${index}]`, isTree(volume) ? volume : parseVolume(String(volume)));
  }
  return mounts;
}

/** `/data`, `cache:/data`, `/host:/data:ro` */
function parseVolume(text: string): Tree {
  const [first, target, access = ''] = text.split(':');
  if (target === undefined) return { type: 'volume', target: first };
  return { type: /^[./~]/.test(first!) ? 'bind' : 'volume', source: first, target, read_only: access.includes('ro') };
}

function addVolume(mounts: Mounts, field: string, volume: Tree): void {
  const {
    type,
    source,
    target,
    read_only: readOnly,
    tmpfs,
    bind,
    volume: _named,
    consistency: _cache,
    ...rest
  } = volume;
  mounts.notes.push(...notesOfRest(field, rest, 'there is nothing like it'));
  const path = String(target);
  if (type === 'tmpfs') {
    const { size, mode } = isTree(tmpfs) ? tmpfs : {};
    const sizeBytes = size === undefined ? undefined : parseBytes(`${field}.tmpfs.size`, String(size));
    mounts.tmpfs.push(defined({ path, sizeBytes, mode: mode === undefined ? undefined : Number(mode).toString(8) }));
    return;
  }
  if (type === 'bind') {
    if (!String(source).startsWith('/')) {
      const why = `${source} is a folder beside the file, and nodes do not have it: ${bindInstead}`;
      mounts.notes.push({ field, why, isEssential: true });
      return;
    }
    if (isTree(bind)) mounts.notes.push(...notesOfRest(`${field}.bind`, bind, 'it is the setting of the engine'));
    mounts.binds.push({ source: String(source), target: path, ...(readOnly ? { readOnly: true } : {}) });
    return;
  }
  const why = `there are no volumes: what is written to ${path} would be lost with the container; ${bindInstead}`;
  mounts.notes.push({ field, why, isEssential: true });
}

/** `/run:size=64m,mode=1777` */
function parseTmpfs(text: string): Tree {
  const [path, options = ''] = text.split(':');
  const named = Object.fromEntries(options.split(',').map((option) => option.split('=')));
  return defined({
    path,
    sizeBytes: named.size === undefined ? undefined : parseBytes('tmpfs size', named.size),
    mode: named.mode,
  });
}

export function toPorts(path: string, ports: unknown): Ports {
  const found = toList(ports).map((port, index) => {
    const field = `${path}.ports[${index}]`;
    return isTree(port) ? longPort(field, port) : shortPort(field, String(port));
  });
  return { ports: found.flatMap(({ ports }) => ports), notes: found.flatMap(({ notes }) => notes) };
}

function longPort(field: string, port: Tree): Ports {
  const { target, published, protocol, host_ip: address, mode: _mode, name: _name, ...rest } = port;
  const notes = [...notesOfRest(field, rest, 'a port has no such part'), ...notesOfAddress(field, address)];
  const container = toNumber(`${field}.target`, target);
  const host = published === undefined || published === '' ? undefined : toNumber(`${field}.published`, published);
  return { ports: [defined({ container, host, protocol })], notes };
}

/** `80`, `8080:80`, `127.0.0.1:8080:80/udp`, `3000-3002:3000-3002` */
function shortPort(field: string, text: string): Ports {
  const pattern = /^(?:(?:(.+):)?(\d+(?:-\d+)?)?:)?(\d+(?:-\d+)?)(?:\/(tcp|udp))?$/;
  const [, address, published, target, protocol] = pattern.exec(text) ?? [];
  if (target === undefined) throw new AppError('usage_invalid', `${field} is not a port such as 8080:80: ${text}`);
  const containers = rangeOf(target);
  const hosts = published === undefined ? null : rangeOf(published);
  if (hosts !== null && hosts.length !== containers.length) {
    throw new AppError('usage_invalid', `${field} has as many ports on one side as on the other: ${text}`);
  }
  const ports = containers.map((container, index) => defined({ container, host: hosts?.[index], protocol }));
  return { ports, notes: notesOfAddress(field, address) };
}

/** As many ports as there are; the manager has a bound of its own. */
function rangeOf(text: string): number[] {
  const [from, to = from] = text.split('-').map(Number);
  return Array.from({ length: Math.min(65_536, Math.max(0, to! - from! + 1)) }, (_, index) => from! + index);
}

/** Elsewhere than asked would be open to others than meant. */
const notesOfAddress = (field: string, address: unknown): Note[] =>
  address === undefined || /^(?:0\.0\.0\.0|\[?::\]?)$/.test(String(address))
    ? []
    : [{ field, why: `a port is published on every address of a node, not on ${address} alone`, isEssential: true }];
