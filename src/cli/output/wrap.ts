/** Breaks lines of prose for a terminal, between words, so that what goes on stands below what it belongs to. Pure. */

/**
 * @param text a line, or several
 * @param widthMax null: as it is
 */
export function wrapText(text: string, widthMax: number | null): string {
  if (widthMax === null) return text;
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, widthMax))
    .join('\n');
}

function wrapLine(whole: string, widthMax: number): string[] {
  if (whole.length <= widthMax) return [whole];
  const line = whole.replace(/^ +/, (indent) =>
    indent.length > widthMax / 2 ? indent.slice(0, Math.floor(widthMax / 4)) : indent,
  );
  const indent = ' '.repeat(indentOf(line, widthMax));
  const lines: string[] = [];
  let rest = line;
  while (rest.length > widthMax) {
    const space = rest.lastIndexOf(' ', widthMax);
    // A word that is longer than a line is broken in it.
    const end = space > indent.length ? space : widthMax;
    lines.push(rest.slice(0, end).trimEnd());
    rest = `${indent}${rest.slice(end).trimStart()}`;
  }
  return [...lines, rest];
}

/** Where the last column begins that leaves the text half of the line; the first may be an indent. */
function indentOf(line: string, widthMax: number): number {
  const starts = Array.from(line.matchAll(/(?:^ +| {2,})(?=\S)/g), ({ index, 0: gap }) => index + gap.length);
  return Math.max(0, ...starts.filter((start) => start <= widthMax / 2));
}
