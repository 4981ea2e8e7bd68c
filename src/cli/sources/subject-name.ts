/** What a name on the command line can be the name of: a manager and a log are asked by the same rule. Pure. */

import { AppError } from '../../errors.ts';
import { ContainerId, NodeId, ServiceName } from '../../model/ids.ts';

/** Only a container's id has a dot, or its slot. */
export const isContainer = (name: string): boolean => name.includes('.');

/** `web.1`, which keeps its name when the container in it is replaced; null: it is none. */
export function slotOf(name: string): { service: string; slot: number } | null {
  const [, service, slot] = /^([a-z0-9-]+)\.([1-9]\d{0,4})$/.exec(name) ?? [];
  return service === undefined ? null : { service, slot: Number(slot) };
}

/** @throws AppError `usage_invalid` when nothing can be called so */
export function checkSubjectName(name: string): void {
  const kinds = isContainer(name) ? [ContainerId] : [ServiceName, NodeId];
  if (kinds.some(({ pattern }) => new RegExp(pattern!).test(name))) return;
  const slot = slotOf(name);
  if (slot !== null) {
    throw new AppError(
      'usage_invalid',
      `${name} is a slot: coctl ps ${slot.service} --all has the ids of what ran in it`,
    );
  }
  const what = isContainer(name) ? 'the id of a container such as web.1-4k' : 'a name such as web or worker-1';
  throw new AppError('usage_invalid', `${JSON.stringify(name.slice(0, 100))} is not ${what}`);
}

/** @throws AppError `usage_invalid` */
export function checkServiceName(name: string): void {
  if (new RegExp(ServiceName.pattern!).test(name)) return;
  throw new AppError('usage_invalid', `${JSON.stringify(name.slice(0, 100))} is not the name of a service such as web`);
}

/** @throws AppError `usage_invalid` */
export function checkNodeName(name: string): void {
  if (new RegExp(NodeId.pattern!).test(name)) return;
  throw new AppError(
    'usage_invalid',
    `${JSON.stringify(name.slice(0, 100))} is not the name of a node such as worker-1`,
  );
}
