/** Caches serialised bodies: the same URL at the same position has the same body. */

export type BodyCache = {
  /** @param version changes whenever the state that the body is built from does */
  get(key: string, version: number, build: () => unknown): Buffer;
};

/** Pages poll a handful of URLs; a URL for each of many services must not fill the memory. */
const bodiesMax = 64;
/** Of large clusters a few bodies take as much. */
const bytesMax = 32 * 1024 * 1024;

export function createBodyCache(): BodyCache {
  const bodies = new Map<string, { version: number; bytes: Buffer }>();
  let held = 0;

  const drop = (key: string) => {
    held -= bodies.get(key)?.bytes.length ?? 0;
    bodies.delete(key);
  };

  return {
    get(key, version, build) {
      const known = bodies.get(key);
      if (known?.version === version) return known.bytes;
      const bytes = Buffer.from(JSON.stringify(build()));
      drop(key);
      bodies.set(key, { version, bytes });
      held += bytes.length;
      for (const oldest of bodies.keys()) {
        if (bodies.size <= bodiesMax && held <= bytesMax) break;
        drop(oldest);
      }
      return bytes;
    },
  };
}
