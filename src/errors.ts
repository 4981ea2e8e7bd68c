/** The one error type of the program: every refusal has a stable code. Broken invariants are assertions, not AppErrors. */

export type AppErrorOptions = {
  /** May the same call succeed later, unchanged? */
  retryable?: boolean;
  cause?: unknown;
  /** Members a caller can act on (field, rule, position …); shown in problem documents. */
  details?: Record<string, unknown>;
};

export class AppError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof AppError && error.code === code;
}

/** What an error says, whatever was thrown. */
export const errorMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));
