/** While the log is away the nodes that are heard are notified, and no others. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command } from '../../../../src/bus/messages.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createAloneNotices } from '../../../../src/reconciler/dispatcher/alone-notices.ts';
import { clusterId, createHistory } from '../../../support/log/history.ts';
import { until } from '../../../support/wait.ts';

const test = suite('alone notices');

test('each node that is heard is notified again and again while the log is away', async () => {
  const history = createHistory();
  for (const node of ['heard', 'silent', 'older']) history.node(node);
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  for (const node of ['heard', 'silent']) view.nodes.get(node)!.publicKey = 'A'.repeat(43);
  const sent: Command[] = [];
  let problem: string | null = null;
  const notices = createAloneNotices(
    {
      log: { problem: () => problem },
      projector: { view, problem: () => null },
      bus: {
        status: () => ({ state: 'connected', description: '', trouble: null }),
        sendCommand: async (command) => void sent.push(command),
      },
      heartbeats: {
        timeoutMs: 5_000,
        silentMs: () => 0,
        sinceHeartbeatMs: (node) => (node === 'silent' ? 6_000 : 100),
      },
      logger: silentLogger,
    },
    { clusterId, everyMs: 5 },
  );
  notices.start();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(sent, [], 'the log is there');
  problem = 'away';
  await until('two notices', () => sent.length >= 2);
  notices.close();
  for (const command of sent) assert.equal(command, { kind: 'alone', clusterId, node: 'heard', leaseMs: 3_000 });
});

test.run();
