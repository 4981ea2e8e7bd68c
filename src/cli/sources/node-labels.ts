/** Labels of a node as kubectl has them: `zone=a` sets one, `zone-` takes it away. Pure. */

import { AppError } from '../../errors.ts';

/** By name, as PATCH /node/:id/labels takes them. @throws AppError `usage_invalid`: another form, or a name comes twice */
export function parseNodeLabels(args: readonly string[]): Record<string, string | null> {
  const found = new Map<string, string | null>();
  for (const text of args) {
    const [, set, value, removed] = /^(?:([^=]+)=(.*)|([^=]+)-)$/s.exec(text) ?? [];
    const name = set ?? removed;
    if (name === undefined) {
      throw new AppError(
        'usage_invalid',
        `${JSON.stringify(text.slice(0, 100))} is no label: zone=a sets one, zone- takes it away`,
      );
    }
    if (found.has(name)) throw new AppError('usage_invalid', `${name} is given twice`);
    found.set(name, value ?? null);
  }
  return Object.fromEntries(found);
}

/** `disk=ssd, zone=a` */
export const formatNodeLabels = (labels: readonly { name: string; value: string }[]): string =>
  labels.map(({ name, value }) => `${name}=${value}`).join(', ');
