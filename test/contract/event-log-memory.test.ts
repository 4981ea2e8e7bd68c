/** The event log contract on the memory store. */

import { logKinds } from '../support/logs.ts';
import { testEventLogContract } from './event-log-contract.ts';

testEventLogContract(logKinds.find(({ name }) => name === 'memory')!);
