/** Detects answers of Docker that break off in the middle: the client would wait for ever for the rest. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';

const answerBegins = 'http.client.response.finish';

/**
 * The request of an answer that breaks off fails, as it would have before the answer began.
 * @param agent whose requests are meant
 * @returns ends it
 */
export function failBrokenAnswers(agent: Agent): () => void {
  const onAnswer = (message: unknown) => {
    const { request, response } = message as { request: ClientRequest & { agent?: Agent }; response: IncomingMessage };
    if (request.agent === agent) response.on('error', (error) => request.emit('error', error));
  };
  subscribe(answerBegins, onAnswer);
  return () => void unsubscribe(answerBegins, onAnswer);
}
