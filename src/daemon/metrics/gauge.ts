/** Defines a gauge whose samples are read when Prometheus asks: what is gone by then has no sample. */

import { Gauge, type Registry } from 'prom-client';

export type Sample = { labels?: Record<string, string>; value: number };

type Description = { name: string; help: string; labelNames?: string[]; registers: Registry[] };

export function addGauge(description: Description, read: () => Iterable<Sample> | Promise<Iterable<Sample>>): void {
  new Gauge({
    ...description,
    async collect() {
      const samples = await read();
      // Without labels, a reset would set 0 where there is no value.
      if (description.labelNames === undefined) this.remove();
      else this.reset();
      for (const { labels = {}, value } of samples) this.set(labels, value);
    },
  });
}
