/** Makes texts of others (engines, registries, programs) fit for a report: bounded, and safe to keep and to show. Pure. */

/** Control characters would act on the terminal of an operator who reads the log, and the log refuses NUL; a tab and a line end do no harm. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** At most `charactersMax` UTF-16 units, none of them half of a pair. */
export function cleanText(text: string, charactersMax: number): string {
  const bounded = text.length > charactersMax ? withoutHalf(text.slice(0, charactersMax)) : text;
  return bounded.replace(controls, '\ufffd').toWellFormed();
}

const outputBytesMax = 4 * 1024;

/** Of a health check: at most 4 KiB of UTF-8. */
export function boundOutput(text: string): string {
  const clean = cleanText(text, outputBytesMax);
  if (Buffer.byteLength(clean) <= outputBytesMax) return clean;
  const bytes = Buffer.from(clean).subarray(0, outputBytesMax);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
}

/** A cut inside a pair leaves its first half. */
const withoutHalf = (text: string) => (/[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text);
