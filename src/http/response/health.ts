/** What probes are answered, wherever they ask. Pure. */

import type { ControlPlaneStatus } from './status.ts';

type ProbeAnswer<C extends number> = { code: C; body: object };

/** The process answers. */
export const healthOf = (): ProbeAnswer<200> => ({ code: 200, body: { status: 'ok' } });

/** This manager can serve; otherwise why not. */
export const readinessOf = ({ ready, notReady }: ControlPlaneStatus): ProbeAnswer<200 | 503> => ({
  code: ready ? 200 : 503,
  body: { ready, notReady },
});
