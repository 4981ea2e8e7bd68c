/**
 * Takes the values of secrets out of the words of programs and engines, before they become part of a report and with it of the
 * log. Pure.
 */

export type Secret = { name: string; value: string };

/** @returns the text with each secret it holds, in whichever form, replaced by `[secret NAME]` */
export type Mask = (text: string) => string;

/** What is shorter stands in every text by accident. */
const charactersMin = 4;
/** A part of a secret: a line, or what base64 makes of it inside something larger. */
const partCharactersMin = 8;

export function createSecretMask(secrets: readonly Secret[]): Mask {
  const forms = maskedForms(secrets);
  return (text) => forms.reduce((masked, { form, shown }) => masked.replaceAll(form, () => shown), text);
}

/** Longest first: a longer form may hold a shorter one, which would leave its rest. */
export function maskedForms(secrets: readonly Secret[]): { form: string; shown: string }[] {
  const forms = secrets.flatMap(({ name, value }) =>
    formsOf(value).map((form) => ({ form, shown: `[secret ${name}]` })),
  );
  return forms.sort((a, b) => b.form.length - a.form.length);
}

function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  const whole = [value, value.trim(), JSON.stringify(value).slice(1, -1), ...urlForms(value)];
  const parts = [...(lines.length > 1 ? lines : []), ...base64Forms(value), ...base64Forms(value.trim())];
  return [
    ...new Set([
      ...whole.filter(({ length }) => length >= charactersMin),
      ...parts.filter(({ length }) => length >= partCharactersMin),
    ]),
  ];
}

/** Percent escapes are written in both cases, and a space in a form is a plus. */
function urlForms(value: string): string[] {
  const encoded = encodeURIComponent(value.toWellFormed());
  const strict = encoded.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const forms = [encoded, strict, strict.replaceAll('%20', '+')];
  return [...forms, ...forms.map((form) => form.replace(/%[0-9A-F]{2}/g, (found) => found.toLowerCase()))];
}

/**
 * What stands for the value in base64, whatever stands before and after it (`user:SECRET` of a basic authentication): the same
 * bytes have three forms, by where they begin. The characters that share bits with a neighbour are left out.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  const forms = [0, 1, 2].map((offset) => {
    const first = Math.ceil((offset * 8) / 6);
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    return Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(first, end);
  });
  const whole = bytes.toString('base64');
  const all = [whole, whole.replace(/=+$/, ''), ...forms];
  return [...all, ...all.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))];
}
