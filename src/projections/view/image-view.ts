/** The shape of what the view knows of images and of logins at registries. */

/** What the image of a spec meant when it was resolved. */
export type ImageView = {
  /** Position of the fact that requested the spec: the name of the stream that its one ImageResolved is on. */
  requestedPosition: number;
  generation: number;
  image: string;
  /** By the spec itself, or by an ImageResolved. */
  isResolved: boolean;
  /** null: not resolved yet, or it has none. */
  digest: string | null;
  /** Why it has none; null while it is not resolved. */
  reason: string | null;
};

/** The password is in the store of secrets, under this version. */
export type RegistryLoginView = {
  host: string;
  username: string;
  version: number;
  passwordHash: string;
  setAt: string;
  /** Actor. */
  setBy: string;
};

/** Of one service. A spec that was requested longer ago is resolved again when it comes back. */
export const imagesKept = 100;
