/** Pulls an image once at a time, however many containers wait for it; each of them gets its progress and its end. */

import { type Engine, type PullOptions, type PullProgress, pullDefaults } from '../engine/engine.ts';

type Follower = (progress: PullProgress) => void;
type Pull = { done: Promise<void>; followers: Set<Follower>; cancelled: AbortController };

/**
 * Like the engine's own, but an image that is local by now is not pulled unless it always is, and the last container that leaves cancels
 * the pull. A pull with one login is no pull for those with another, or with none.
 */
export function createSharedPulls(engine: Pick<Engine, 'findImage' | 'pull'>): Engine['pull'] {
  const pulls = new Map<string, Pull>();

  const begin = (key: string, image: string, how: PullOptions): Pull => {
    const followers = new Set<Follower>();
    const cancelled = new AbortController();
    const onProgress = (progress: PullProgress) => {
      for (const follow of followers) follow(progress);
    };
    const fetch = async () => {
      if (!how.isAlways && (await engine.findImage(image))) return;
      await engine.pull(image, onProgress, cancelled.signal, how);
    };
    const pull = { done: fetch().finally(() => end(key, pull)), followers, cancelled };
    pull.done.catch(() => {});
    pulls.set(key, pull);
    return pull;
  };

  const end = (key: string, pull: Pull) => {
    if (pulls.get(key) === pull) pulls.delete(key);
  };

  return async (image, onProgress, signal, how = pullDefaults) => {
    const key = `${image} ${how.login?.version ?? 'without'} ${how.isAlways}`;
    signal.throwIfAborted();
    const pull = pulls.get(key) ?? begin(key, image, how);
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
        end(key, pull);
        pull.cancelled.abort();
      }
    }
  };
}
