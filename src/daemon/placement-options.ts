/** Reads the labels of an agent's node, and how services are kept balanced. Pure. */

import type { NodeLabels } from '../model/node.ts';
import { nodeLabelsMax } from '../model/node.ts';
import { type RebalancePolicy, rebalanceDefault } from '../model/placement.ts';

/** @param refuse of the option, by its rule @returns sorted by name */
export function readNodeLabels(text: string, refuse: (rule: string) => never): NodeLabels {
  const entries = text.split(',').filter((entry) => entry.trim() !== '');
  const labels = new Map<string, string>();
  for (const entry of entries) {
    const [, name, value] =
      /^\s*([A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?)=(\P{Cc}{0,255})$/u.exec(entry) ?? [];
    if (name === undefined || value === undefined) refuse('must be NAME=VALUE; several with commas');
    labels.set(name, value.trimEnd());
  }
  if (labels.size > nodeLabelsMax) refuse(`must be at most ${nodeLabelsMax} labels`);
  return [...labels].map(([name, value]) => ({ name, value })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** null: services that say nothing are not rebalanced. @param refuse of the option, by its rule */
export function readRebalance(text: string, refuse: (rule: string) => never): RebalancePolicy | null {
  if (text === '') return null;
  const [, moves, seconds] = /^(\d{1,3})(?:\/(\d{1,5}))?$/.exec(text) ?? [];
  const maxMoves = Number(moves);
  const cooldownSeconds = seconds === undefined ? rebalanceDefault.cooldownSeconds : Number(seconds);
  const isGood = maxMoves >= 1 && maxMoves <= 100 && cooldownSeconds >= 1 && cooldownSeconds <= 86_400;
  if (!isGood) refuse('must be MOVES or MOVES/SECONDS: 1 to 100 at once, 1 to 86400 s between');
  return { maxMoves, cooldownSeconds };
}
