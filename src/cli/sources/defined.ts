/** Leaves out members that are undefined: what is not given is not sent. Pure. */

export const defined = (members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
