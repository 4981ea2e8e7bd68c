/** Whether there is still a client to answer: for a connection that has ended, `close` of its answers may have been emitted already. */

import type { FastifyRequest } from 'fastify';

/** Checked before work or memory is bound to the end of an answer: what waits for an end that has been would be kept for ever. */
export const isClientGone = ({ raw }: Pick<FastifyRequest, 'raw'>): boolean => raw.socket.destroyed;
