/** The port of the metrics, as the HTTP server uses it: it reports measured calls and serves the rendered metrics. */

export type MeasuredCall = {
  method: string;
  /** The pattern of the route, such as `/service/:name`; null: no route has the path. */
  route: string | null;
  status: number;
  durationMs: number;
};

export type HttpMetrics = {
  observeCall(call: MeasuredCall): void;
  /** In the text format of Prometheus. */
  render(): Promise<{ contentType: string; text: string }>;
};
