/** Reads which folders and devices of this machine containers may use, as its owner gives them. Pure. */

import { Value } from '@sinclair/typebox/value';
import { type HostAccess, hostAccessMax, hostAccessPathMax } from '../model/host-access.ts';
import { AbsolutePath, DevicePath } from '../model/host-paths.ts';

/**
 * @param text of an option: paths with commas
 * @param refuse of the option, by its rule
 */
export function readHostAccess(
  text: (option: 'allow-bind' | 'allow-device') => string,
  refuse: (option: 'allow-bind' | 'allow-device', rule: string) => never,
): HostAccess {
  const read = (option: 'allow-bind' | 'allow-device', schema: typeof AbsolutePath): string[] => {
    const paths = text(option)
      .split(',')
      .map((path) => path.trim())
      .filter((path) => path !== '');
    if (paths.length > hostAccessMax) refuse(option, `must be at most ${hostAccessMax} paths`);
    const isGood = (path: string) => path.length <= hostAccessPathMax && Value.Check(schema, path);
    if (!paths.every(isGood)) {
      refuse(option, `must be ${schema.description}, at most ${hostAccessPathMax} characters; several with commas`);
    }
    return [...new Set(paths)].sort();
  };
  return { binds: read('allow-bind', AbsolutePath), devices: read('allow-device', DevicePath) };
}
