/** The names of alarms, as recorded in the log and shown by the API. */

/** The subject of each: a node id, an engine id, the host of a registry, a machine, the name of what differs, or nothing where it concerns the cluster. */
export const alarmNames = {
  clockBehind: 'clock behind',
  engineFigures: 'engine described differently',
  desiredContainersTooLarge: 'wanted set too large',
  loginUnreadable: 'registry login unreadable',
  logBroken: 'log broken',
  massNodeLoss: 'mass node loss',
  nodeSuspect: 'node starts nothing',
  secretsKey: 'secrets key unusable',
  registrationConflict: 'node claimed twice',
  viewDiffers: 'view differs',
} as const;

export type AlarmName = (typeof alarmNames)[keyof typeof alarmNames];
