/**
 * Owns how the data of an older schema version becomes that of the next: `<type>@<version>` → the step from there. Pure.
 * A step stays for ever, as the events it reads do.
 */

/** Version 2 may say which instance of the agent it was; version 1 could not. */
const toRegistration2 = (data: unknown): unknown => data;

export const upcasters: ReadonlyMap<string, (data: unknown) => unknown> = new Map([
  ['NodeRegistered@1', toRegistration2],
  ['NodeReturned@1', toRegistration2],
]);
