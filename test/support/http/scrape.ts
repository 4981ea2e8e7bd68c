/** Reads /metrics in tests as Prometheus would: samples by name and labels. */

import { callApi } from './http.ts';

export type Scrape = {
  text: string;
  /** Of all samples, such as `co_commit_events_bucket`. */
  names: ReadonlySet<string>;
  /** Of the sample with exactly these labels, in any order; null: there is none. */
  value(name: string, labels?: Record<string, string>): number | null;
};

export async function scrape(url: string): Promise<Scrape> {
  const { status, text } = await callApi(url, 'GET', '/metrics');
  if (status !== 200) throw new Error(`GET /metrics: ${status} ${text}`);
  const samples = new Map<string, number>();
  const names = new Set<string>();
  for (const [, name = '', labels = '', value] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gm)) {
    names.add(name);
    samples.set(keyOf(name, labels.match(/\w+="[^"]*"/g) ?? []), Number(value));
  }
  return {
    text,
    names,
    value(name, labels = {}) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
      return samples.get(keyOf(name, pairs)) ?? null;
    },
  };
}

const keyOf = (name: string, pairs: readonly string[]) => `${name}{${pairs.toSorted().join()}}`;
