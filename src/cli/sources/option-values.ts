/** The forms of values on the command line: sizes, ports, mounts, shares. Each refusal names its option. Pure. */

import { AppError } from '../../errors.ts';
import { nodeKeyPattern, parseConstraint } from '../../model/placement.ts';
import { defined } from './defined.ts';

/** A variable without a value is an empty one. */
export function parsePair(option: string, text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw refuseValue(option, 'NAME=VALUE', text);
  return [name, value];
}

type Port = { container: number; host?: number; protocol?: string };

/** `80`, `8080:80`, `8080:80/udp`. @throws AppError `usage_invalid` */
export function parsePort(option: string, text: string): Port {
  const [, host, container, protocol] = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
  if (container === undefined) {
    throw refuseValue(option, 'a port of the container such as 80, 8080:80 with one of the node, or 53:53/udp', text);
  }
  return {
    container: parsePortNumber(option, container),
    ...(host === undefined ? {} : { host: parsePortNumber(option, host) }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}

/** @throws AppError `usage_invalid` */
export function parsePortNumber(option: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw refuseValue(option, 'ports from 1 to 65535', text);
}

/** @throws AppError `usage_invalid` */
export function parseBind(option: string, text: string): { source: string; target: string; readOnly?: true } {
  const [, source, target, access] = /^(\/[^:]*):(\/[^:]*)(?::(ro|rw))?$/.exec(text) ?? [];
  if (source === undefined || target === undefined)
    throw refuseValue(option, '/on/the/node:/in/the/container[:ro]', text);
  return { source, target, ...(access === 'ro' ? { readOnly: true } : {}) };
}

/** `/run`, `/run:size=64m,mode=1777`. @throws AppError `usage_invalid` */
export function parseTmpfs(option: string, text: string): Record<string, unknown> {
  const [, path, list] = /^(\/[^:]*)(?::(.+))?$/.exec(text) ?? [];
  const { size, mode, ...others } = Object.fromEntries(list?.split(',').map((part) => part.split('=')) ?? []);
  if (path === undefined || Object.keys(others).length > 0) {
    throw refuseValue(option, 'a path such as /run or /run:size=64m,mode=1777', text);
  }
  return defined({ path, sizeBytes: size === undefined ? undefined : parseBytes(option, size), mode });
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `256m`, `1.5g`, `64MiB`, as Docker reads it: units are powers of 1024. @throws AppError `usage_invalid` */
export function parseBytes(option: string, text: string): number {
  const [, amount, unit] = /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (amount === undefined) throw refuseValue(option, 'a size such as 256m or 1.5g', text);
  return Math.round(Number(amount) * unitBytes[unit!.toLowerCase()]!);
}

/** @throws AppError `usage_invalid` */
export function parseCpus(option: string, text: string): number {
  if (/^\d{1,5}(\.\d{1,6})?$/.test(text) && Number(text) > 0) return Number(text);
  throw refuseValue(option, 'a number of CPUs such as 0.5', text);
}

/** @throws AppError `usage_invalid` */
export function parseCount(option: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw refuseValue(option, 'a whole number from 1', text);
}

/** A number, or a share as the text that a request has. @throws AppError `usage_invalid` */
export function parseAmount(option: string, text: string): number | string {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (/^\d{1,3}%$/.test(text)) return text;
  throw refuseValue(option, 'a number or a share such as 25%', text);
}

/** As it is: a manager reads the same. @throws AppError `usage_invalid` */
export function checkConstraint(option: string, text: string): string {
  if (parseConstraint(text)) return text;
  throw refuseValue(option, 'KEY==VALUE or KEY!=VALUE, such as node.labels.zone==a or node.hostname!=db-1', text);
}

/** A label of nodes, or any key of them. @throws AppError `usage_invalid` */
export function parseNodeKey(option: string, text: string): string {
  const key = [text, `node.labels.${text}`].find((candidate) => new RegExp(nodeKeyPattern).test(candidate));
  if (key === undefined)
    throw refuseValue(option, 'a label of nodes such as zone, or a key such as node.hostname', text);
  return key;
}

export const refuseValue = (option: string, takes: string, text: string) =>
  new AppError('usage_invalid', `${option} takes ${takes}, not ${JSON.stringify(text.slice(0, 100))}`);
