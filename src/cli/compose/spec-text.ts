/** The spec of one service as the text that is edited, and back. Pure. */

import { AppError } from '../../errors.ts';
import { valueLines } from '../output/formats.ts';
import { printable } from '../output/table.ts';
import type { ServiceRequest } from '../sources/spec-options.ts';
import { parseDocuments } from './documents.ts';
import { isTree } from './merge.ts';

export const formatSpec = (spec: ServiceRequest): string => `${valueLines(spec, 'yaml').join('\n')}\n`;

/** @param refusal of what was typed before; null: nothing was yet */
export function withHead(body: string, { serviceName }: ServiceRequest, refusal: string | null): string {
  const refused = refusal === null ? [] : ['REFUSED, and nothing is changed:', `  ${printable(refusal)}`, ''];
  const lines = [
    ...refused,
    `The spec of the service ${serviceName}. Save it and leave the editor to change the service;`,
    'leave it as it is, or empty, to change nothing. Lines that begin with # are comments.',
    '',
  ];
  return `${lines.map((line) => `# ${line}`.trimEnd()).join('\n')}\n${body}`;
}

/** Without the comments at its beginning. */
export const withoutHead = (text: string): string => text.replace(/^(?:\s*#[^\n]*(?:\n|$))+/, '');

/** null: there is nothing in it. @throws AppError `usage_invalid` */
export function parseSpec(text: string, { serviceName }: ServiceRequest): ServiceRequest | null {
  const [spec = null, ...others] = parseDocuments('the text', text);
  if (spec === null) return null;
  if (others.length > 0 || !isTree(spec) || typeof spec.serviceName !== 'string' || !isTree(spec.container)) {
    throw new AppError('usage_invalid', 'the text is one service, with serviceName and container');
  }
  if (spec.serviceName === serviceName) return spec as ServiceRequest;
  const rule = `serviceName has to stay ${serviceName}: another name is another service, which coctl run or apply makes`;
  throw new AppError('usage_invalid', rule);
}
