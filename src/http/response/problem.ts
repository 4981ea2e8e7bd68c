/** Makes problem documents (RFC 9457) of errors and gives each code its status. */

import { AppError } from '../../errors.ts';

export const problemContentType = 'application/problem+json; charset=utf-8';

/** One invalid member of a request: `services[0].replicas`, the rule, and a sentence with both. */
export type FieldError = { field: string; rule: string; message: string };

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: FieldError[];
};

/** Every code that a client may see, with its status and a title that fits every request. */
export const problemCodes = {
  body_invalid: { status: 400, title: 'The body breaks a rule' },
  query_invalid: { status: 400, title: 'The query breaks a rule' },
  path_invalid: { status: 400, title: 'The path breaks a rule' },
  header_invalid: { status: 400, title: 'A header breaks a rule' },
  json_invalid: { status: 400, title: 'The body is not JSON' },
  moment_in_future: { status: 404, title: 'That point in time is in the future' },
  moment_before_log: { status: 404, title: 'That point in time is before the first event' },
  request_invalid: { status: 400, title: 'The request cannot be understood' },
  unauthenticated: { status: 401, title: 'A valid token is required' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  host_not_allowed: { status: 403, title: 'Not served under this host name' },
  cross_site: { status: 403, title: 'Not accepted from another site' },
  route_not_found: { status: 404, title: 'There is nothing here' },
  service_not_found: { status: 404, title: 'No such service' },
  container_not_found: { status: 404, title: 'No such container' },
  node_not_found: { status: 404, title: 'No such node' },
  generation_not_found: { status: 404, title: 'No such generation' },
  token_not_found: { status: 404, title: 'No such token' },
  registry_login_not_found: { status: 404, title: 'No login is set for this registry' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  expectation_failed: { status: 409, title: 'Other requests kept changing the same thing' },
  service_removing: { status: 409, title: 'The service is being removed' },
  mode_mismatch: { status: 409, title: 'The service runs in another mode' },
  rollout_not_found: { status: 409, title: 'No rollout is under way' },
  rollout_not_paused: { status: 409, title: 'The rollout is not paused' },
  node_not_lost: { status: 409, title: 'The node is in use' },
  node_heard: { status: 409, title: 'The node sends heartbeats' },
  token_limit: { status: 409, title: 'The name has as many tokens as it may have' },
  tokens_full: { status: 409, title: 'There are as many tokens as there may be' },
  registry_logins_full: { status: 409, title: 'There are as many logins as there may be' },
  broker_user_taken: { status: 409, title: 'The broker has another user of that name' },
  container_not_running: { status: 409, title: 'The container does not run' },
  precondition_failed: { status: 412, title: 'A precondition does not hold' },
  body_too_large: { status: 413, title: 'The body is too large' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  append_too_large: { status: 413, title: 'The request is too large for one commit' },
  content_type_unsupported: { status: 415, title: 'The content type is not supported' },
  exec_failed: { status: 422, title: 'The engine cannot run this command' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  body_contradictory: { status: 422, title: 'The body contradicts itself' },
  labels_too_many: { status: 422, title: 'The node would have too many labels' },
  image_refused: { status: 422, title: 'No engine takes this name of an image' },
  query_contradictory: { status: 422, title: 'The query contradicts itself' },
  option_refused: { status: 422, title: 'No container gets this option' },
  service_too_large: { status: 422, title: 'The service would exceed a limit' },
  whatif_too_large: { status: 422, title: 'The question is too large' },
  upgrade_required: { status: 426, title: 'This is served over a WebSocket' },
  too_many_requests: { status: 429, title: 'Too many calls of this token' },
  too_many_attempts: { status: 429, title: 'Too many calls without a valid token' },
  client_gone: { status: 499, title: 'The client did not wait for the answer' },
  internal: { status: 500, title: 'The manager failed' },
  secrets_not_configured: { status: 501, title: 'This manager keeps no secrets' },
  secrets_key_missing: { status: 503, title: 'The key file of the secrets is missing' },
  secrets_key_invalid: { status: 503, title: 'The key file of the secrets cannot be used' },
  secrets_key_differs: { status: 503, title: 'The key file is not that of the stored secrets' },
  secrets_unavailable: { status: 503, title: 'The store of secrets does not answer' },
  join_not_configured: { status: 501, title: 'This manager lets no nodes in' },
  agent_too_old: { status: 501, title: 'The agent of the node has no streams' },
  broker_unavailable: { status: 503, title: 'The broker does not answer' },
  broker_refused: { status: 502, title: 'The broker refused' },
  stream_broken: { status: 502, title: 'The stream broke' },
  engine_unavailable: { status: 503, title: 'The engine of the node does not answer' },
  log_unavailable: { status: 503, title: 'The event log does not answer' },
  log_busy: { status: 503, title: 'The event log is busy' },
  log_closed: { status: 503, title: 'The manager is stopping' },
  view_behind: { status: 503, title: 'The view is behind the log' },
  bus_unavailable: { status: 503, title: 'The bus does not answer' },
  replays_full: { status: 503, title: 'Too many questions about the past are waiting' },
  whatif_busy: { status: 503, title: 'Another what-if is being answered' },
  page_not_built: { status: 503, title: 'The page is not built' },
  streams_full: { status: 503, title: 'Too many streams are open' },
  stopping: { status: 503, title: 'The manager is stopping' },
  node_silent: { status: 504, title: 'The node does not answer' },
} as const;

export type ProblemCode = keyof typeof problemCodes;

/** When to retry after a 503. An outage that lasts longer costs a client one cheap call a second. */
export const retryAfterSeconds = 1;

const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problemCodes, code);

/** Pure. */
function createProblem(code: ProblemCode, detail: string, errors?: FieldError[]): Problem {
  const { status, title } = problemCodes[code];
  const problem = { type: `urn:container-orchestrator:problem:${code}`, title, status, detail, code };
  return errors ? { ...problem, errors } : problem;
}

/** A refusal for one member of the request. */
export function refuseField(code: ProblemCode, field: string, rule: string): AppError {
  return new AppError(code, `${field} ${rule}`, { details: { field, rule } });
}

/**
 * What a client may know of an error. The message of an error without a code of ours is not shown: it may contain the
 * address and password of a database. Pure.
 */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof AppError) || !isProblemCode(error.code)) {
    return createProblem('internal', 'This is a fault of the manager; its log has more under the request id.');
  }
  const { field, rule } = error.details;
  const isFieldError = typeof field === 'string' && typeof rule === 'string';
  return createProblem(error.code, error.message, isFieldError ? [{ field, rule, message: error.message }] : undefined);
}
