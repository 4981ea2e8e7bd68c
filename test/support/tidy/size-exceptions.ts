/** Files and functions that are longer than the rule wants, each with the reason. */

import type { SizeExceptions } from './size-rules.ts';

const suite = 'a contract: one list of what every implementation has to do';
const closure = 'not split yet: one closure over one state';
const topics = 'not split yet: several topics in one file';

export const sizeExceptions: SizeExceptions = {
  'test/contract/engine-contract.ts#testEngineContract': suite,
  'test/contract/event-log-contract.ts': suite,
  'test/contract/event-log-contract.ts#testEventLogContract': suite,
  'test/integration/agent/agent.test.ts': topics,
  'test/integration/history/archive/archive.test.ts': topics,
  'test/integration/http/bad-input.test.ts': topics,
  'test/integration/projections/read-models/read-models.test.ts': topics,
  'test/support/agent/agent-fixture.ts#createManagerDouble': closure,
  'test/support/log/history.ts#createHistory': closure,
  'test/support/simulation/simulated-cluster.ts': topics,
  'test/support/simulation/simulated-cluster.ts#createSimulatedCluster': closure,
  'test/tidy.test.ts': topics,
  'test/unit/history/what-if/what-if.test.ts': topics,
  'test/unit/projections/view/evolve.test.ts': topics,
  'test/unit/reconciler/commands/decide.test.ts': topics,
};
