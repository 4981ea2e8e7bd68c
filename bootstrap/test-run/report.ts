/** How a run looks to people: headings, a line a file with what it took, and the output of what failed in full. */

export type Report = {
  heading(text: string): void;
  line(name: string, result: string, tookMs: number): void;
  /** What happens beside the tests. */
  print(line: string): void;
  output(text: string): void;
};

const nameWidth = 32;

export function createReport(): Report {
  const startedMs = performance.now();
  const at = () => `${((performance.now() - startedMs) / 1000).toFixed(0)} s`;
  return {
    heading: (text) => console.log(`\n${text} (${at()})`),
    line: (name, result, tookMs) => {
      const took = `${(tookMs / 1000).toFixed(1)} s`;
      console.log(`  ${name.padEnd(nameWidth)} ${took.padStart(7)}  ${result}`.trimEnd());
    },
    print: (line) => console.log(`  · ${line}`),
    output: (text) => console.log(text.trimEnd().replace(/^/gm, '    │ ')),
  };
}
