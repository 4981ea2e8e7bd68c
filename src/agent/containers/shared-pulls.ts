/** Owns that an image is pulled once at a time, however many containers wait for it: each hears its progress and its end. */

import type { Engine, PullProgress } from '../engine/engine.ts';

type Follower = (progress: PullProgress) => void;
type Pull = { done: Promise<void>; followers: Set<Follower>; calledOff: AbortController };

/** Like the engine's own, but an image that is local by now is not pulled, and the last who leaves calls the pull off. */
export function createSharedPulls(engine: Pick<Engine, 'hasImage' | 'pull'>): Engine['pull'] {
  const pulls = new Map<string, Pull>();

  const begin = (image: string): Pull => {
    const followers = new Set<Follower>();
    const calledOff = new AbortController();
    const tellAll = (progress: PullProgress) => {
      for (const tell of followers) tell(progress);
    };
    const fetch = async () => {
      if (!(await engine.hasImage(image))) await engine.pull(image, tellAll, calledOff.signal);
    };
    const pull = { done: fetch().finally(() => end(image, pull)), followers, calledOff };
    pull.done.catch(() => {});
    pulls.set(image, pull);
    return pull;
  };

  const end = (image: string, pull: Pull) => {
    if (pulls.get(image) === pull) pulls.delete(image);
  };

  return async (image, onProgress, signal) => {
    signal.throwIfAborted();
    const pull = pulls.get(image) ?? begin(image);
    const follower: Follower = (progress) => onProgress(progress);
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    pull.followers.add(follower);
    try {
      await Promise.race([pull.done, left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      pull.followers.delete(follower);
      if (pull.followers.size === 0) {
        end(image, pull);
        pull.calledOff.abort();
      }
    }
  };
}
