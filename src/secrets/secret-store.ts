/**
 * The port to where encrypted values lie: by name and version, beside the log and never in it. A value is written once; it
 * is current when a fact of the log says so, which no store knows.
 */

/** Of a stored value, without it. */
export type SecretHead = {
  name: string;
  version: number;
  /** Of the key it is encrypted under; another one does not open it. */
  keyId: string;
  /** By the clock of the manager that stored it. */
  storedAtMs: number;
};

export type StoredSecret = SecretHead & { sealed: Buffer };

/** A log has some hundred secrets, and each leaves a version or two for a while. */
export const secretsListedMax = 10_000;

/** Each call may throw AppError `secrets_unavailable` or `log_unavailable` (retryable). */
export type SecretStore = {
  /** Durable when it resolves. false: there is one of this name and version, which stays as it is. */
  add(secret: StoredSecret): Promise<boolean>;
  find(name: string, version: number): Promise<StoredSecret | null>;
  /** By name and version; at most `secretsListedMax`. */
  list(): Promise<SecretHead[]>;
  /** Already gone is success. */
  remove(name: string, version: number): Promise<void>;
};
