/** Calls the manager that the page came from. A session that has ended leads to the login, and back to the same place. */

export type Problem = { code: string; detail: string };

/** What a manager refused, or that none answered (`unreachable`). */
export class ApiError extends Error {
  readonly code: string;

  constructor({ code, detail }: Problem) {
    super(detail);
    this.code = code;
  }
}

const timeoutMs = 15_000;
/** A stream says at least every 15 s that it is alive. */
const silentMs = 40_000;

/** @throws ApiError */
export async function getJson<T>(path: string): Promise<T> {
  return JSON.parse(await getText(path)) as T;
}

/** @throws ApiError */
export async function getText(path: string): Promise<string> {
  const answer = await call('GET', path);
  return answer.text();
}

/**
 * A change, or what would become of it.
 * @param body none: the route takes none
 * @throws ApiError
 */
export async function send<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await call(method, path, { body });
  return (await answer.json()) as T;
}

/**
 * The lines of an answer as they come, those of a piece together, until it ends. The request ends with the signal.
 * @throws ApiError, `unreachable` also when it breaks off or says nothing for too long · the signal's reason
 */
export async function* readLines(path: string, signal: AbortSignal): AsyncGenerator<string[]> {
  const silence = new AbortController();
  const notice = () => setTimeout(() => silence.abort(new Error(`nothing came for ${silentMs / 1000} s`)), silentMs);
  let timer = notice();
  let rest = '';
  try {
    const answer = await call('GET', path, { signal: AbortSignal.any([signal, silence.signal]) });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      clearTimeout(timer);
      timer = notice();
      const lines = (rest + next.value).split('\n');
      rest = lines.pop()!;
      yield lines.filter((line) => line !== '');
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof ApiError ? error : unreachable('the stream broke off', error);
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

type CallOptions = { body?: object | undefined; signal?: AbortSignal };

async function call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const { body, signal = AbortSignal.timeout(timeoutMs) } = options;
  const headers: Record<string, string> = { accept: 'application/json', 'x-co-page': 'page' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const answer = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  }).catch((error: unknown) => {
    throw unreachable('no manager answers', error);
  });
  if (answer.ok) return answer;
  if (answer.status === 401) logIn();
  throw new ApiError(await problemOf(answer));
}

const unreachable = (what: string, error: unknown): ApiError =>
  new ApiError({ code: 'unreachable', detail: `${what}: ${String(error)}` });

function logIn(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

async function problemOf(answer: Response): Promise<Problem> {
  const unreadable = { code: 'unreadable', detail: `the manager answered ${answer.status}` };
  try {
    const { code = unreadable.code, detail = unreadable.detail } = (await answer.json()) as Partial<Problem>;
    return { code, detail };
  } catch {
    return unreadable;
  }
}
