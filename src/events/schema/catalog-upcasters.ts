/**
 * Owns how the data of an older schema version becomes that of the next: `<type>@<version>` → the step from there. Pure.
 * A step stays for ever, as the events it reads do.
 */

import type { Upcaster, Upcasters } from './upcast.ts';

/** Version 2 may say which instance of the agent it was; version 1 could not. */
const toRegistration2: Upcaster = (data) => data;

export const upcasters: Upcasters = new Map([
  ['NodeRegistered@1', toRegistration2],
  ['NodeReturned@1', toRegistration2],
]);
