/**
 * Pulls an image through Docker. Docker answers 200 before it knows anything and writes its failures into the stream, so
 * every line is read, and the image inspected afterwards.
 */

import type Docker from 'dockerode';
import { AppError } from '../../errors.ts';
import { defaultRegistry, digestOf, ownDigest } from '../../model/image.ts';
import type { FoundImage, PullLogin, PullOptions, PullProgress } from '../engine/engine.ts';
import { callDocker, DockerRefusal, dockerMessage, hasStatus, queryDeadlineMs, unavailable } from './docker-call.ts';

/** Without a single line for this long the registry counts as gone. While layers are unpacked there is one a second. */
const silenceMaxMs = 120_000;
/** More text than this without a line end is no progress report. */
const lineCharactersMax = 1024 * 1024;

type Line = { error?: string; errorDetail?: { message?: string }; id?: string; progressDetail?: ProgressDetail };
type ProgressDetail = { current?: number; total?: number };

type Pull = Partial<PullOptions> & { onProgress: (progress: PullProgress) => void; signal: AbortSignal };

/** @throws AppError `image_pull_failed` with the message of registry or engine · `engine_unavailable` */
export async function pullImage(
  docker: Docker,
  image: string,
  { onProgress, signal, login = null }: Pull,
): Promise<void> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), silenceMaxMs);
  const abortSignal = AbortSignal.any([signal, silence.signal]);
  const layers = new Map<string, Required<ProgressDetail>>();
  try {
    const stream = await docker.pull(image, {
      abortSignal,
      ...(login ? { authconfig: toAuthConfig(login) } : {}),
    } as object);
    for await (const line of readLines(stream, abortSignal)) {
      timer.refresh();
      const failure = line.errorDetail?.message ?? line.error;
      if (failure) throw pullFailed(failure, undefined);
      if (addProgress(layers, line)) onProgress(sum(layers));
    }
  } catch (error) {
    throw explain(error, { isSilent: silence.signal.aborted, signal });
  } finally {
    clearTimeout(timer);
  }
  if (!(await findImage(docker, image))) throw pullFailed(`the pull of ${image} ended without the image`, undefined);
}

/** As `docker login` names the default registry. */
const defaultServer = 'https://index.docker.io/v1/';

const toAuthConfig = ({ host, username, password }: PullLogin) => ({
  ...{ username, password },
  serveraddress: host === defaultRegistry ? defaultServer : host,
});

export async function findImage(docker: Docker, image: string): Promise<FoundImage | null> {
  try {
    const { RepoDigests } = await callDocker('inspect image', queryDeadlineMs, () => docker.getImage(image).inspect());
    const digest = digestOf(image) ?? ownDigest(image, RepoDigests ?? []);
    return { digest, reason: digest === null ? 'not in a registry' : null };
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error instanceof DockerRefusal ? unavailable(`inspect image: ${error.message}`, error) : error;
  }
}

const pullFailed = (message: string, cause: unknown) =>
  new AppError('image_pull_failed', message.trim(), { cause, details: { isRefused: isRefusal(message) } });

/** In the words of registries: without a login, with a wrong one, or with one that may not. */
const refusals = [
  /unauthorized|authentication required|no basic auth credentials|incorrect username or password/i,
  /access (forbidden|denied)|requested access|403 forbidden|(?<!permission )denied$/i,
];

const isRefusal = (message: string): boolean => refusals.some((pattern) => pattern.test(message.trim()));

function explain(error: unknown, { isSilent, signal }: { isSilent: boolean; signal: AbortSignal }): unknown {
  if (error instanceof AppError) return error;
  if (signal.aborted) return pullFailed('the pull was cancelled', error);
  if (isSilent) return pullFailed(`no progress of the pull for ${silenceMaxMs / 1000} s`, error);
  const { statusCode, json } = error as { statusCode?: number; json?: { message?: string } };
  if (statusCode !== undefined) return pullFailed(json?.message ?? dockerMessage(error), error);
  return unavailable(`pull: ${dockerMessage(error)}`, error);
}

async function* readLines(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<Line> {
  signal.addEventListener('abort', () => (stream as NodeJS.ReadableStream & { destroy(): void }).destroy(), {
    once: true,
  });
  let unfinished = '';
  for await (const chunk of stream) {
    const lines = (unfinished + String(chunk)).split('\n');
    unfinished = lines.pop() ?? '';
    if (unfinished.length > lineCharactersMax) throw new Error('a line of the pull has no end');
    for (const line of lines) if (line.trim()) yield JSON.parse(line) as Line;
  }
  if (unfinished.trim()) yield JSON.parse(unfinished) as Line;
  signal.throwIfAborted();
}

function addProgress(layers: Map<string, Required<ProgressDetail>>, { id, progressDetail }: Line): boolean {
  const { current, total } = progressDetail ?? {};
  if (id === undefined || current === undefined || total === undefined || total <= 0) return false;
  layers.set(id, { current: Math.min(current, total), total });
  return true;
}

function sum(layers: Map<string, Required<ProgressDetail>>): PullProgress {
  let [currentBytes, totalBytes] = [0, 0];
  for (const { current, total } of layers.values()) {
    currentBytes += current;
    totalBytes += total;
  }
  return { currentBytes, totalBytes };
}
