/** Lines of containers on a terminal: a prefix with a colour for each container, colours of the program, nothing else that moves a cursor. Pure. */

import { printable } from './table.ts';

/** Those that are read on a dark and on a light ground. */
const colors = [36, 33, 32, 35, 34, 31, 96, 93, 92, 95, 94, 91] as const;
const reset = '\u001b[0m';

/** @returns the prefix of a container; as wide as the widest so far */
export function createPrefixes(hasColors: boolean): (container: string) => string {
  const known = new Map<string, number>();
  let width = 0;
  return (container) => {
    const color = known.get(container) ?? colors[known.size % colors.length]!;
    known.set(container, color);
    width = Math.max(width, container.length);
    const text = `${printable(container).padEnd(width)} | `;
    return hasColors ? `\u001b[${color}m${text}${reset}` : text;
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const colorCode = /(\u001b\[[0-9;]{0,20}m)/;

export function printableLine(text: string, hasColors: boolean): string {
  const parts = text.split(colorCode);
  if (parts.length === 1) return printableText(text);
  // What was looked for is every second one.
  const shown = parts.map((part, index) => (index % 2 === 0 ? printableText(part) : hasColors ? part : ''));
  return `${shown.join('')}${hasColors ? reset : ''}`;
}

/** Tabs make columns. */
const printableText = (text: string) => text.split('\t').map(printable).join('\t');
