/** Owns bodies that were serialised already: the same question at the same position has the same answer. */

export type BodyCache = {
  /** @param version whatever the body was built from has not changed while this has not */
  get(key: string, version: number, build: () => unknown): Buffer;
};

/** Pages poll a handful of questions; a filter for each of many services must not fill the memory. */
const bodiesMax = 64;

export function createBodyCache(): BodyCache {
  const bodies = new Map<string, { version: number; bytes: Buffer }>();

  return {
    get(key, version, build) {
      const known = bodies.get(key);
      if (known?.version === version) return known.bytes;
      const bytes = Buffer.from(JSON.stringify(build()));
      bodies.delete(key);
      bodies.set(key, { version, bytes });
      for (const oldest of bodies.keys()) {
        if (bodies.size <= bodiesMax) break;
        bodies.delete(oldest);
      }
      return bytes;
    },
  };
}
