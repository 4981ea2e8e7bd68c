/** The event log contract on the mongodb store. */

import { logKinds } from '../support/log/logs.ts';
import { testEventLogContract } from './event-log-contract.ts';

testEventLogContract(logKinds.find(({ name }) => name === 'mongodb')!);
