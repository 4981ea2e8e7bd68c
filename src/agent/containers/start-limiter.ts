/** Bounds how many containers start at once on one engine: agents that share the engine share one limiter. */

import { createSemaphore, type Semaphore } from '../../concurrency/semaphore.ts';
import { parallelStartsDefault } from '../../model/node.ts';

export type StartLimiter = Pick<Semaphore, 'acquire'>;

export const createStartLimiter = (permits = parallelStartsDefault): StartLimiter => createSemaphore({ permits });
