/** Provides Chromium, in which the page is tested: the given one, or the distribution's. */

import { havePrograms } from './installed-program.ts';
import type { Service, ServiceOptions } from './service.ts';

export async function openChromium(options: ServiceOptions): Promise<Service> {
  const given = process.env.CO_TEST_CHROMIUM;
  if (given) return { description: 'Chromium of CO_TEST_CHROMIUM', environment: {}, async close() {} };
  const [path] = (await havePrograms(['chromium'], options)) as [string];
  return { description: `Chromium at ${path}`, environment: { CO_TEST_CHROMIUM: path }, async close() {} };
}
