/** A break anywhere in the chain becomes an alarm while the manager runs, once, and is over when the log is whole again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createChainAudit } from '../../../../src/history/verify/chain-audit.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { oneService, startApi } from '../../../support/http/http.ts';
import { openMemoryLog } from '../../../support/http/http-logs.ts';
import { until } from '../../../support/wait.ts';

const test = suite('audit of the chain');

test('a break is an alarm with its place, raised once, and cleared by the first audit that finds none', async () => {
  const api = await startApi(await openMemoryLog());
  for (const name of ['a', 'b', 'c']) await api.call('POST', '/service', { body: oneService(name) });
  let isEdited = true;
  let audits = 0;
  const log: typeof api.log = {
    ...api.log,
    async readCommits(range) {
      if (range.afterSlot === 0) audits += 1;
      const commits = await api.log.readCommits(range);
      return isEdited
        ? commits.map((commit) => (commit.slot === 3 ? { ...commit, writer: 'another' } : commit))
        : commits;
    },
  };
  const deps = { log, projector: api.projector, logger: silentLogger };
  const audit = createChainAudit(deps, { managerId: 'm', pauseMs: 0, everyMs: 10 });
  const alarms = () => [...api.projector.view.alarms.values()];
  try {
    await until('the alarm', () => alarms().length === 1);
    assert.match(alarms()[0]!.message, /^slot 3, from position 3: its hash is not .*\.\/coctl verify/);
    const seen = audits;
    await until('more audits', () => audits > seen + 3);
    assert.is((await api.events('AlarmRaised')).length, 1);
    isEdited = false;
    await until('it is over', () => alarms().length === 0);
  } finally {
    await audit.close();
    await api.close();
    await api.log.close();
  }
});

test.run();
