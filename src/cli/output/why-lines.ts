/** A chain of causes for people: each event below the one it caused, and attempts that went the same way as one line. Pure. */

import type { Chain, Link } from '../../history/explain/cause-chain.ts';
import { formatCount, formatNames, formatTime } from '../../history/sentences/format-values.ts';
import { printable } from './table.ts';

type Explained = Chain & { answer: string; notes: readonly string[] };

/** @param isWhole each attempt in full */
export function whyLines(why: Explained, { isWhole = false }: { isWhole?: boolean } = {}): string[] {
  return [
    printable(why.answer),
    ...why.notes.map((note) => printable(`(${note})`)),
    '',
    ...(isWhole ? why.chain : groupAttempts(why.chain)).flatMap((entry) =>
      'attempts' in entry ? repeatedLines(entry) : linkLines(entry),
    ),
    ...leftLines(why),
  ];
}

/** Attempts of a slot that ended as the later one before them in the chain did. */
type Repeated = { slot: string; attempts: string[]; from: Link; to: Link };

/** The newest attempt of each slot stays as it is; older ones of the same kind become one entry, where the first of them was. */
function groupAttempts(chain: readonly Link[]): (Link | Repeated)[] {
  const attempts = new Map<string, Link[]>();
  for (const link of chain) {
    const id = attemptOf(link);
    if (id !== null) attempts.set(id, [...(attempts.get(id) ?? []), link]);
  }
  const entryOf = new Map<Link, Repeated>();
  const newer = new Map<string, { ending: string; repeated: Repeated | null }>();
  for (const [id, links] of attempts) {
    const slot = slotOf(id);
    const ending = endingOf(links);
    const before = newer.get(slot);
    const isRepeat = before !== undefined && ending !== null && before.ending === ending;
    const repeated = isRepeat ? (before.repeated ?? { slot, attempts: [], from: links.at(-1)!, to: links[0]! }) : null;
    if (repeated) {
      repeated.attempts.push(id);
      repeated.from = links.at(-1)!;
      for (const link of links) entryOf.set(link, repeated);
    }
    newer.set(slot, { ending: ending ?? '', repeated });
  }
  const shown = new Set<Repeated>();
  return chain.flatMap((link): (Link | Repeated)[] => {
    const repeated = entryOf.get(link);
    if (!repeated) return [link];
    if (shown.has(repeated)) return [];
    shown.add(repeated);
    return [repeated];
  });
}

const containerPattern = /\b([a-z0-9][a-z0-9-]*\.[1-9]\d*)-[0-9a-z]+\b/;
const slotOf = (container: string) => container.replace(/-[^-]*$/, '');

/** The container that a link is about; its wait is part of the attempt. */
function attemptOf({ stream, type, sentence }: Link): string | null {
  if (stream.startsWith('container/')) return stream.slice('container/'.length);
  return type === 'RestartDelayed' ? (containerPattern.exec(sentence)?.[0] ?? null) : null;
}

const ends = new Set(['ContainerFailed', 'ContainerCompleted', 'ContainerUnhealthy']);

/** What it ended of, wherever it was; null: it did not. */
function endingOf(links: readonly Link[]): string | null {
  const end = links.find(({ type }) => ends.has(type));
  if (!end) return null;
  const [, reason = ''] = /: (.*)$/s.exec(end.sentence) ?? [];
  return `${end.type} ${reason}`;
}

/** A container has a name of few letters: so many fit a line. */
const namedMax = 4;

function repeatedLines({ slot, attempts, from, to }: Repeated): string[] {
  const names = formatNames(attempts.slice(0, namedMax), attempts.length);
  const what = `${formatCount(attempts.length, 'earlier attempt')} of ${slot} went the same way: ${names}`;
  const since = attempts.length > 1 ? `, since ${formatTime(from.at)}` : '';
  const back = `  [back to ${from.position}${from.because === null ? '' : `, from ${from.because}`}]`;
  return [`${headOf(to)}${printable(`${what}${since}`)}${back}`];
}

const positionWidth = 8;
const headOf = ({ position, at }: Link) => `${String(position).padStart(positionWidth)}  ${formatTime(at)}  `;

function linkLines(link: Link): string[] {
  const { sentence, details, because } = link;
  const from = because === null ? '' : `  [from ${because}]`;
  const head = headOf(link);
  const indent = ' '.repeat(head.length + 2);
  return [`${head}${printable(sentence)}${from}`, ...details.map((line) => `${indent}${printable(line)}`)];
}

function leftLines({ left }: Chain): string[] {
  if (!left) return [];
  const atLeast = left.isAtLeast ? 'at least ' : '';
  return ['', `${atLeast}${formatCount(left.containers, 'earlier container')} in the same place left out`];
}
