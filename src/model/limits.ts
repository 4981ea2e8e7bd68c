/** Limits of the API that operators may set. */

/** Of one token: far above what a person or a controller needs, below what keeps a manager from others. */
export const callsPerSecondDefault = 1_000;

/** Of one address: half of all, so that none has them all. */
export const connectionsPerAddressDefault = 512;
