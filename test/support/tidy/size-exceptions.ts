/** Files and functions that are longer than the rule wants, each with the reason. */

import type { SizeExceptions } from './size-rules.ts';

const contract = 'a contract: one list of what every implementation has to do';
const oneSubject = 'tests of one subject over one fixture: a list, whose parts have nothing to hide from each other';
const double = 'a test double: its few answers share one state, and are read beside each other';
const table = 'a table: each rule beside the examples that keep it and break it';

export const sizeExceptions: SizeExceptions = {
  'test/contract/engine-contract.ts': contract,
  'test/contract/engine-contract.ts#testEngineContract': contract,
  'test/contract/engine-streams-contract.ts#testEngineStreamsContract': contract,
  'test/contract/event-log-contract.ts': contract,
  'test/contract/event-log-contract.ts#testEventLogContract': contract,
  'test/golden/example-history.ts': 'one history, which only grows',
  'test/integration/agent/agent.test.ts': oneSubject,
  'test/integration/history/archive/archive.test.ts': oneSubject,
  'test/integration/http/bad-input.test.ts': table,
  'test/integration/projections/read-models/read-models.test.ts': oneSubject,
  'test/integration/streams/stream-client.test.ts#testStreams': contract,
  'test/support/agent/agent-fixture.ts#createManagerDouble': double,
  'test/support/log/history.ts#createHistory': double,
  'test/support/simulation/simulated-cluster.ts': double,
  'test/support/simulation/simulated-cluster.ts#createSimulatedCluster': double,
  'test/tidy.test.ts': table,
  'test/unit/daemon/config.test.ts': table,
  'test/unit/history/what-if/what-if.test.ts': oneSubject,
  'test/unit/projections/view/evolve.test.ts': oneSubject,
  'test/unit/reconciler/commands/decide.test.ts': oneSubject,
};
