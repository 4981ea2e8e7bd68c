/** docs/state-machines.md shows the machines as they are: `node test/support/state-diagram.ts` draws them anew. */

import { readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { charts, documentPath, drawInto, drawMachine, machines } from '../../support/state-diagram.ts';

const test = suite('state diagrams');

test('the document has every machine and chart, as its definition has it', async () => {
  const document = await readFile(documentPath, 'utf8');
  for (const name of Object.keys(machines)) assert.ok(document.includes(`<!-- machine: ${name} -->`), name);
  for (const name of Object.keys(charts)) assert.ok(document.includes(`<!-- chart: ${name} -->`), name);
  assert.is(drawInto(document), document, 'run node test/support/state-diagram.ts');
});

test('a diagram has the states, the inputs, the time-outs and the ends', () => {
  const drawn = drawMachine(machines.container!).split('\n');
  for (const line of [
    '  [*] --> in_queue',
    '  in_queue --> starting: report.starting',
    '  in_queue --> failed: after queueTimeout',
    '  stopped --> [*]',
  ]) {
    assert.ok(drawn.includes(line), line);
  }
});

test.run();
