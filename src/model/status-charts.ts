/**
 * What may follow what, of those that have no machine: the reach and the availability of a node, the status and the rollout of a service.
 * Each is read from a view, never entered by an input, so these charts move nothing: they say which steps a reading can take.
 */

/** State → what may come next → the facts that lead there; none: also those of others, as of its containers. */
export type Chart<S extends string = string> = Readonly<Record<S, Readonly<Partial<Record<S, readonly string[]>>>>>;

export type NodeReach = 'ready' | 'silent' | 'engine lost' | 'lost';

/** `silent` while rescheduling is paused: otherwise a node that is not heard is lost. */
export const nodeReachChart: Chart<NodeReach | 'removed'> = {
  ready: { silent: ['NodeSilent'], 'engine lost': ['EngineLost'], lost: ['NodeLost'] },
  silent: { ready: ['NodeHeard', 'NodeReturned', 'NodeRegistered'], 'engine lost': ['NodeHeard'], lost: ['NodeLost'] },
  'engine lost': {
    ready: ['EngineReturned', 'NodeReturned', 'NodeRegistered'],
    silent: ['NodeSilent'],
    lost: ['NodeLost'],
  },
  lost: { ready: ['NodeReturned', 'NodeRegistered'], removed: ['NodeRemoved'] },
  removed: { ready: ['NodeRegistered'] },
};

export const availabilityChart: Chart<'active' | 'cordoned' | 'draining'> = {
  active: { cordoned: ['NodeCordoned'], draining: ['NodeDrainRequested'] },
  cordoned: { active: ['NodeActivated'], draining: ['NodeDrainRequested'] },
  draining: { active: ['NodeActivated'], cordoned: ['NodeCordoned'] },
};

export const rolloutStates = ['in progress', 'paused', 'completed', 'failed'] as const;
export type RolloutState = (typeof rolloutStates)[number];

/** `none`: nothing of an earlier spec runs, or nothing has been replaced yet. */
export const rolloutChart: Chart<RolloutState | 'none'> = {
  none: { 'in progress': ['RolloutStarted'] },
  'in progress': {
    paused: ['RolloutPaused'],
    completed: ['RolloutCompleted'],
    failed: ['RolloutFailed'],
    none: ['ServiceRequested'],
  },
  paused: { 'in progress': ['RolloutResumed'], failed: ['RolloutFailed'], none: ['ServiceRequested'] },
  completed: { none: ['ServiceRequested'] },
  failed: { none: ['ServiceRequested'] },
};

export const serviceStatuses = [
  'converged',
  'completed',
  'progressing',
  'degraded',
  'blocked',
  'paused',
  'removing',
] as const;
export type ServiceStatus = (typeof serviceStatuses)[number];

/** Of these each may follow each: the status is the first that applies to what the cluster is like. */
export const liveStatuses = serviceStatuses.filter((status) => status !== 'removing');

const others = (status: ServiceStatus) =>
  Object.fromEntries(liveStatuses.filter((other) => other !== status).map((other) => [other, []]));
const ofLive = (status: ServiceStatus) => ({ ...others(status), removing: ['ServiceRemovalRequested'] });

export const serviceChart: Chart<ServiceStatus | 'removed'> = {
  converged: ofLive('converged'),
  completed: ofLive('completed'),
  progressing: ofLive('progressing'),
  degraded: ofLive('degraded'),
  blocked: ofLive('blocked'),
  paused: ofLive('paused'),
  removing: { ...others('removing'), removed: ['ServiceRemoved'] },
  removed: others('removing'),
};
