/**
 * Brings the image of one container to this node: by its pull policy, as the digest that all nodes run, with the login of its
 * registry. A login is opened for the pull and kept nowhere.
 */

import { AppError } from '../../errors.ts';
import { pinImage, pullPolicyDefault, registryHostOf } from '../../model/image.ts';
import type { RegistryLogin } from '../../model/registry.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { Engine, PullLogin, PullProgress } from '../engine/engine.ts';
import type { DigestAnswers } from './digest-answers.ts';
import { maskErrors } from './mask-errors.ts';
import { createSecretMask } from './secret-mask.ts';

/** As the command had it; it opens for the session of the command. `sealed` null: the managers cannot read it. */
export type SessionLogin = { host: string; version: number; session: number; sealed: string | null };

export type OpenLogin = (login: SessionLogin & { sealed: string }) => RegistryLogin;

export type ImageSource = {
  /** What to create the container from. It is there, unless a `pull` of it follows. @throws as `pull` · as `DigestAnswers.ask` */
  reference(): Promise<string>;
  /** @throws AppError `image_missing`: it may not be pulled · `image_pull_failed` */
  pull(image: string): Promise<void>;
};

export type ImageSourceDeps = {
  engine: Pick<Engine, 'findImage' | 'pull'>;
  digests: DigestAnswers;
  openLogin: OpenLogin;
};

export type ImageNeed = {
  container: string;
  spec: ContainerSpec;
  /** What all nodes run; null: no node has said so yet; undefined: the image is taken as it is named. */
  digest?: string | null | undefined;
  login: SessionLogin | null;
  causationId: string | null;
};

type Waiting = { signal: AbortSignal; onProgress: (progress: PullProgress) => void };

export function createImageSource(
  { engine, digests, openLogin }: ImageSourceDeps,
  { container, spec, digest, login, causationId }: ImageNeed,
  { signal, onProgress }: Waiting,
): ImageSource {
  const { image, pull: policy = pullPolicyDefault } = spec;
  let resolved = digest;
  let isPulled = false;

  const pull = async (wanted: string) => {
    if (policy === 'never') {
      throw new AppError('image_missing', `${wanted} is not on this node, and its pull policy is never`);
    }
    const opened = openFor(login, openLogin);
    const mask = createSecretMask(opened ? [{ name: `login at ${opened.host}`, value: opened.password }] : []);
    const how = { login: opened, isAlways: policy === 'always' };
    await maskErrors(mask, () => explained(wanted, login, () => engine.pull(wanted, onProgress, signal, how)));
    isPulled = true;
  };

  const resolve = async (): Promise<string | null> => {
    if (policy === 'always' && !isPulled) await pull(image);
    let found = await engine.findImage(image);
    if (!found) {
      await pull(image);
      found = await engine.findImage(image);
    }
    if (!found) throw new AppError('image_missing', `${image} was removed from this node after it was pulled`);
    return digests.ask({ container, causationId }, found, signal);
  };

  return {
    async reference() {
      if (resolved === null) resolved = (await resolve()) ?? undefined;
      const reference = resolved === undefined ? image : pinImage(image, resolved);
      if (policy === 'always' && !isPulled) await pull(reference);
      return reference;
    },
    pull,
  };
}

function openFor(login: SessionLogin | null, openLogin: OpenLogin): PullLogin | null {
  if (login === null || login.sealed === null) return null;
  const { host, version, sealed } = login;
  try {
    return { ...openLogin({ ...login, sealed }), host, version };
  } catch (error) {
    throw new AppError('image_pull_failed', `the login at ${host} was sealed for another agent of this node`, {
      cause: error,
    });
  }
}

/** The registry's own words, and before them what they mean here. */
async function explained(image: string, login: SessionLogin | null, pull: () => Promise<void>): Promise<void> {
  try {
    await pull();
  } catch (error) {
    if (!(error instanceof AppError) || error.details.isRefused !== true) throw error;
    const message = `${describeRefusal(registryHostOf(image), login)}: ${error.message}`;
    throw new AppError(error.code, message, { cause: error });
  }
}

function describeRefusal(host: string, login: SessionLogin | null): string {
  if (login === null)
    return `${host} wants a login or has no such image, and no login is set for it (PUT /registry/${host})`;
  const { version, sealed } = login;
  if (sealed === null)
    return `${host} wants a login, and the managers cannot read the one that is set (see the alarms)`;
  return `${host} refused the login that is set for it (version ${version})`;
}
