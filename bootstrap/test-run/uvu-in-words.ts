/**
 * What a test file gets when it imports uvu: uvu itself, but that every failure is shown. uvu shows an error whose
 * `details` are text, or are not there; at any other, and at a hook's, it silently leaves the rest of the suite out.
 */

import { inspect } from 'node:util';
import * as uvu from 'uvu';

export const exec = uvu.exec;
export const suite: typeof uvu.suite = (title, context) => inWords(uvu.suite(title, context));
export const test = inWords(uvu.test);

function inWords<T>(inner: uvu.Test<T>): uvu.Test<T> {
  const before = Object.assign(hook(inner.before), { each: hook(inner.before.each) });
  const after = Object.assign(hook(inner.after), { each: hook(inner.after.each) });
  const only: typeof inner.only = (name, run) => inner.only(name, onThrow(run, toShowable));
  const outer = (name: string, run: uvu.Callback<T>) => inner(name, onThrow(run, toShowable));
  return Object.assign(outer, { before, after, only, skip: inner.skip, run: inner.run });
}

/** What a hook throws reaches uvu's own words from `before.each` alone: all of them are shown here, at once. */
function hook<T>(add: (run: uvu.Callback<T>) => void): (run: uvu.Callback<T>) => void {
  const show = (thrown: unknown) => {
    console.error(`\na hook failed: ${inspect(thrown)}`);
    return toShowable(thrown);
  };
  return (run) => add(onThrow(run, show));
}

function onThrow<T>(run: uvu.Callback<T>, convert: (thrown: unknown) => unknown): uvu.Callback<T> {
  return async (context) => {
    try {
      await run(context);
    } catch (thrown) {
      throw convert(thrown);
    }
  };
}

/** As uvu can show it; the error itself where it can already. */
function toShowable(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return new Error(`what was thrown is no Error: ${inspect(thrown)}`);
  const { name, message, stack = '', details } = thrown as Error & { details?: unknown };
  if (!details || typeof details === 'string') return thrown;
  return { name, message, stack, details: `details: ${inspect(details)}` };
}
