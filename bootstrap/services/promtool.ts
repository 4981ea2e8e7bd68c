/** Provides promtool, the program of Prometheus that checks metrics and rules: the given one, or the distribution's. */

import { havePrograms } from './installed-program.ts';
import type { Service, ServiceOptions } from './service.ts';

export async function openPromtool(options: ServiceOptions): Promise<Service> {
  const given = process.env.CO_TEST_PROMTOOL;
  if (given) return { description: 'promtool of CO_TEST_PROMTOOL', environment: {}, async close() {} };
  const [path] = (await havePrograms(['promtool'], options)) as [string];
  return { description: `promtool at ${path}`, environment: { CO_TEST_PROMTOOL: path }, async close() {} };
}
