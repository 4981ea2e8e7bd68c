/** The event log contract on memory, and on a store that a writer has to ask about everything. */

import { forgetfulLog, logKinds } from '../support/log/logs.ts';
import { testEventLogContract } from './event-log-contract.ts';

testEventLogContract(logKinds.find(({ name }) => name === 'memory')!);
testEventLogContract(forgetfulLog);
