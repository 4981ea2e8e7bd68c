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
  const answer = await call(method, path, body);
  return (await answer.json()) as T;
}

async function call(method: string, path: string, body?: object): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-co-page': 'page' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const answer = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new ApiError({ code: 'unreachable', detail: `no manager answers: ${String(error)}` });
  });
  if (answer.ok) return answer;
  if (answer.status === 401) logIn();
  throw new ApiError(await problemOf(answer));
}

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
