/** The fact something follows from: what plan puts into causationId and container ids. */
export type Cause = { position: number; eventId: string; correlationId: string };
