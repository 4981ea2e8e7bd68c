/**
 * Takes the values of secrets out of the output of a command, which comes in pieces: what may be the beginning of one is held back until
 * the next piece, or until it has waited long enough. Pure.
 */

import { maskedForms, type Secret } from '../containers/secret-mask.ts';

export type OutputMask = {
  /** What may be sent now. */
  push(piece: Buffer): Buffer;
  /** What was held back: nothing has followed it. */
  flush(): Buffer;
};

const nothing = Buffer.alloc(0);

/** Bytes are compared as the characters of latin1, so that a piece may end inside a character. */
export function createOutputMask(secrets: readonly Secret[]): OutputMask {
  const forms = maskedForms(secrets).map(({ form, shown }) => ({ form: toBytes(form), shown: toBytes(shown) }));
  if (forms.length === 0) return { push: (piece) => piece, flush: () => nothing };
  const beginnings = new Set(forms.map(({ form }) => form[0]));
  let held = '';

  /** From left to right, so that it does not matter in which pieces the text came. Keeps what is undecided, unless it is final. */
  const release = (text: string, isFinal: boolean): Buffer => {
    const parts: string[] = [];
    let copied = 0;
    let at = 0;
    while (at < text.length) {
      const found = beginnings.has(text[at]) ? decideAt(forms, text, at) : null;
      if (found === 'undecided' && !isFinal) break;
      if (found === null || found === 'undecided') at += 1;
      else {
        parts.push(text.slice(copied, at), found.shown);
        at += found.form.length;
        copied = at;
      }
    }
    held = text.slice(at);
    return Buffer.from([...parts, text.slice(copied, at)].join(''), 'latin1');
  };

  return {
    push: (piece) => release(held + piece.toString('latin1'), false),
    flush: () => release(held, true),
  };
}

type Form = { form: string; shown: string };

/** The longest form that begins there; `undecided` when the text ends before that is known. */
function decideAt(forms: readonly Form[], text: string, at: number): Form | 'undecided' | null {
  const left = text.length - at;
  for (const one of forms) {
    if (text.startsWith(one.form, at)) return one;
    if (one.form.length > left && one.form.startsWith(text.slice(at))) return 'undecided';
  }
  return null;
}

const toBytes = (text: string) => Buffer.from(text).toString('latin1');
