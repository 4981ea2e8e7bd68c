/** The page in a real Chromium: one browser for a test file, a fresh context for each test, and whatever goes wrong in it. */

import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { buildPage } from '../../../bootstrap/page/build-page.ts';

export const chromiumPath = process.env.CO_TEST_CHROMIUM ?? null;

/** Several times what a busy machine takes. */
const waitMs = 20_000;

export type TestBrowser = {
  /** At `url`, loaded. @throws when the page logs an error or breaks its content policy */
  open(url: string, options?: BrowserContextOptions): Promise<OpenPage>;
  close(): Promise<void>;
};

export type OpenPage = {
  page: Page;
  /** What the page said of errors, in order. */
  errors: readonly string[];
  close(): Promise<void>;
};

export async function openBrowser(): Promise<TestBrowser> {
  if (chromiumPath === null) throw new Error('CO_TEST_CHROMIUM is not set');
  await buildPage();
  const browser: Browser = await chromium.launch({
    executablePath: chromiumPath,
    // As root in a container there is no sandbox, and /dev/shm is small.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  return {
    async open(url, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      context.setDefaultTimeout(waitMs);
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await page.goto(url, { waitUntil: 'domcontentloaded' });
      return { page, errors, close: () => context.close() };
    },
    close: () => browser.close(),
  };
}
