/** Pulls an image once at a time, however many containers wait for it; each of them gets its progress and its end. */

import type { Engine, PullProgress } from '../engine/engine.ts';

type Follower = (progress: PullProgress) => void;
type Pull = { done: Promise<void>; followers: Set<Follower>; cancelled: AbortController };

/** Like the engine's own, but an image that is local by now is not pulled, and the last container that leaves cancels the pull. */
export function createSharedPulls(engine: Pick<Engine, 'hasImage' | 'pull'>): Engine['pull'] {
  const pulls = new Map<string, Pull>();

  const begin = (image: string): Pull => {
    const followers = new Set<Follower>();
    const cancelled = new AbortController();
    const onProgress = (progress: PullProgress) => {
      for (const follow of followers) follow(progress);
    };
    const fetch = async () => {
      if (!(await engine.hasImage(image))) await engine.pull(image, onProgress, cancelled.signal);
    };
    const pull = { done: fetch().finally(() => end(image, pull)), followers, cancelled };
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
        pull.cancelled.abort();
      }
    }
  };
}
