/**
 * How the data of an older schema version becomes that of the next: `<type>@<version>` → the step from there. Pure.
 * A step stays for ever, as the events it reads do.
 */

/** Lifts `data` of one schema version to the next. Changes nothing in what it is given. */
export type Upcaster = (data: unknown) => unknown;

/** `<type>@<version>` → the step to the next version. Every shape ever written is still readable through these. */
export type Upcasters = ReadonlyMap<string, Upcaster>;

/** Version 2 may say which instance of the agent it was; version 1 could not. */
const toRegistration2: Upcaster = (data) => data;

/** Version 3 may say what of its machine containers may use, and have a public key; version 2 could not. */
const toRegistration3: Upcaster = (data) => data;

/** Version 2 may say from which address a refused call came; version 1 could not. */
const toAttempt2: Upcaster = (data) => data;

/** Version 2 may have a note; version 1 could not. */
const toCompleted2: Upcaster = (data) => data;

/** Version 2 may have policies; version 1 could not. */
const toRequested2: Upcaster = (data) => data;

/** Version 3 may have options of the container (also when it is pulled, how long it may be paused), a placement, or be of a job. */
const toRequested3: Upcaster = (data) => data;

/** Version 4 may say what is kept without a broker; version 3 could not. */
const toRequested4: Upcaster = (data) => data;

/** Version 2 may say that it has a check; version 1 could not. */
const toRunning2: Upcaster = (data) => data;

/** Version 3 may have the digest of its image; versions before could not. */
const toRunning3: Upcaster = (data) => data;

/** Version 2 knows the reason `unhealthy`; version 1 did not. */
const toStopRequested2: Upcaster = (data) => data;

/** Version 2 may say why; version 1 could not. */
const toResigned2: Upcaster = (data) => data;

/** Version 2 may say why; version 1 could not. */
const toLost2: Upcaster = (data) => data;
/** Version 3 knows the reasons of jobs, of constraints and of a balance; version 2 did not. */
const toStopRequested3: Upcaster = (data) => data;

/** Version 2 may say how many replicas the domain of a candidate has, and how full it is; version 1 could not. */
const toQueued2: Upcaster = (data) => data;

export const upcasters: Upcasters = new Map([
  ['ServiceRequested@1', toRequested2],
  ['ServiceRequested@2', toRequested3],
  ['ContainerQueued@1', toQueued2],
  ['ServiceRequested@3', toRequested4],
  ['ContainerRunning@1', toRunning2],
  ['ContainerStopRequested@1', toStopRequested2],
  ['ContainerStopRequested@2', toStopRequested3],
  ['ContainerCompleted@1', toCompleted2],
  ['ApiReadsRecorded@1', toAttempt2],
  ['RequestRefused@1', toAttempt2],
  ['NodeRegistered@1', toRegistration2],
  ['NodeRegistered@2', toRegistration3],
  ['NodeReturned@1', toRegistration2],
  ['ControllerResigned@1', toResigned2],
  ['NodeLost@1', toLost2],
  ['NodeReturned@2', toRegistration3],
  ['ContainerRunning@2', toRunning3],
]);
