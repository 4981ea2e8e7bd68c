/** What axe finds on a page, once nothing moves on it any more. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { until } from '../wait.ts';

const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe finds to be serious or worse, as sentences. */
export async function faultsOf(page: Page): Promise<string[]> {
  // What fades in has less contrast until it is there.
  await until('nothing moves', async () => (await page.evaluate('document.getAnimations().length')) === 0);
  // By the debugger: the policy of the page lets no script of others in.
  await page.evaluate(await readFile(axeSource, 'utf8'));
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
    );
}

/** By how much a page is wider than what shows it, in pixels. */
export const overflowOf = async (page: Page): Promise<number> =>
  Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));

/** In these it is looked at. */
export const screens = (['light', 'dark'] as const).flatMap((colorScheme) =>
  Object.entries({
    'a screen': { width: 1280, height: 800 },
    'a tablet': { width: 820, height: 1180 },
    'a phone': { width: 390, height: 844 },
  }).map(([name, viewport]) => ({ name: `${name}, ${colorScheme}`, viewport, colorScheme })),
);
