/** Adds to the golden file what it lacks: `node test/golden/add-lines.ts`, after an event was added at the end of the example history. */

import { appendFileSync } from 'node:fs';
import { canonicalJson } from '../../src/events/schema/canonical-json.ts';
import { exampleHistory } from './example-history.ts';
import { goldenPath, keyOf, linesToAdd, readGolden } from './golden-file.ts';

const added = linesToAdd(readGolden(), exampleHistory());
appendFileSync(goldenPath, added.map((line) => `${canonicalJson(line)}\n`).join(''));
console.log(added.length === 0 ? 'nothing is missing' : `added ${added.map(keyOf).join(', ')}`);
