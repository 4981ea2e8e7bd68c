/** Arguments of the form NAME=VALUE, as `web=5`. Pure. */

import { AppError } from '../../errors.ts';
import { replicasMax } from '../../model/service.ts';
import { checkServiceName } from './subject-name.ts';

/** @throws AppError `usage_invalid`: one has another form, or a name comes twice */
export function parseAssignments(args: readonly string[], example: string): [name: string, value: string][] {
  const found = new Map<string, string>();
  for (const text of args) {
    const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw new AppError('usage_invalid', `${JSON.stringify(text.slice(0, 100))} is not of the form ${example}`);
    }
    if (found.has(name)) throw new AppError('usage_invalid', `${name} is given twice`);
    checkServiceName(name);
    found.set(name, value);
  }
  return [...found];
}

/** @throws AppError `usage_invalid` */
export function parseReplicas(text: string): number {
  const replicas = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (replicas <= replicasMax) return replicas;
  throw new AppError(
    'usage_invalid',
    `replicas are a whole number up to ${replicasMax}, not ${JSON.stringify(text.slice(0, 40))}`,
  );
}
