/** Which test files there are, and how each kind of them is run. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export type StageName = 'tidy' | 'unit' | 'simulation' | 'contract' | 'integration' | 'e2e';

export type Stage = {
  name: StageName;
  needsServers: boolean;
  /** `--quick` runs it; contract tests on servers skip themselves then. */
  isQuick: boolean;
  /** Two where files need nothing but a core; one where they share servers and measure time. */
  parallelMax: number;
  /** For one file, several times what it takes on two busy cores. */
  fileDeadlineMs: number;
};

/** In the order they run: what fails soonest comes first. */
export const stages: readonly Stage[] = [
  { name: 'tidy', needsServers: false, isQuick: true, parallelMax: 2, fileDeadlineMs: 60_000 },
  { name: 'unit', needsServers: false, isQuick: true, parallelMax: 2, fileDeadlineMs: 60_000 },
  { name: 'simulation', needsServers: false, isQuick: true, parallelMax: 2, fileDeadlineMs: 120_000 },
  { name: 'contract', needsServers: true, isQuick: true, parallelMax: 2, fileDeadlineMs: 120_000 },
  { name: 'integration', needsServers: true, isQuick: false, parallelMax: 1, fileDeadlineMs: 180_000 },
  { name: 'e2e', needsServers: true, isQuick: false, parallelMax: 1, fileDeadlineMs: 300_000 },
];

/** Paths as seen from the project's folder, sorted; a test file is in the folder of its stage, or is `test/<stage>.test.ts`. */
export async function findTestFiles(projectDir: string): Promise<Map<StageName, string[]>> {
  const files = (await readdir(join(projectDir, 'test'), { recursive: true })).filter((file) =>
    /\.test\.ts$/.test(file),
  );
  const byStage = Map.groupBy(files.toSorted(), (file) => file.split(/[/.]/)[0]!);
  const unknown = [...byStage.keys()].filter((name) => !stages.some((stage) => stage.name === name));
  if (unknown.length > 0) throw new Error(`tests of no stage: ${unknown.flatMap((name) => byStage.get(name)!)}`);
  return new Map(stages.map(({ name }) => [name, (byStage.get(name) ?? []).map((file) => `test/${file}`)]));
}
