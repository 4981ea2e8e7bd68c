/** What an agent asks about an image, and what it does with the answer. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDigestAnswers } from '../../../../src/agent/containers/digest-answers.ts';
import type { ReportBody } from '../../../../src/agent/reports/reporter.ts';
import { refusal } from '../../../support/refusal.ts';

const test = suite('digest answers');
const d1 = `sha256:${'1'.repeat(64)}`;
const found = { digest: d1, reason: null };

function open(times: Parameters<typeof createDigestAnswers>[1] = {}) {
  const reports: [container: string, report: ReportBody][] = [];
  const answers = createDigestAnswers(
    { reporter: { report: (...said) => void reports.push([said[0], said[1]]) } },
    times,
  );
  const ask = (container: string, signal = new AbortController().signal) =>
    answers.ask({ container, causationId: 'fact-1' }, found, signal);
  return { answers, reports, ask };
}

test("it is asked with what the node has, and the answer is the container's own", async () => {
  const { answers, reports, ask } = open();
  const [one, other] = [ask('web.1-a'), ask('web.2-a')];
  assert.equal(reports, [
    ['web.1-a', { kind: 'image', causationId: 'fact-1', ...found }],
    ['web.2-a', { kind: 'image', causationId: 'fact-1', ...found }],
  ]);
  answers.answered('web.2-a', null);
  answers.answered('web.1-a', d1);
  assert.equal(await Promise.all([one, other]), [d1, null]);
});

test('an answer that no container waits for does nothing', () => {
  open().answers.answered('web.1-a', d1);
});

test('it is asked again while there is no answer, and in the end the container fails rather than to run another image', async () => {
  const { answers, reports, ask } = open({ askAgainMs: 5, deadlineMs: 20 });
  const error = await refusal(() => ask('web.1-a'));
  assert.is(error.code, 'image_unresolved');
  assert.is(reports.length, 4);
  answers.answered('web.1-a', d1);
});

test('a container that is stopped waits no longer', async () => {
  const { ask } = open();
  const stopping = new AbortController();
  const asking = ask('web.1-a', stopping.signal);
  stopping.abort(new Error('stopped'));
  await asking.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'stopped'),
  );
});

test.run();
