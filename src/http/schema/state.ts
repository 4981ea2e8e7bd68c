/** Describes the state of the cluster as answers show it. */

import { Type } from '@sinclair/typebox';
import type { ContainerStateBody, NodeStateBody, ServiceStateBody } from '../../projections/rows/state-bodies.ts';
import type { AlarmView } from '../../projections/view/cluster-view.ts';
import { Alarm, ContainerRow, engineKinds, NodeRow, ServiceRow } from './rows.ts';
import { head, named, nullable, oneOf, ref, strict, time } from './schema.ts';

const services = Type.Array(ref<ServiceStateBody['services'][number]>(ServiceRow), { description: 'by name' });
const nodes = Type.Array(ref<NodeStateBody['nodes'][number]>(NodeRow), { description: 'by name' });
const containers = Type.Array(ref<ContainerStateBody['containers'][number]>(ContainerRow), {
  description: 'by service, slot, and the order in which they were queued',
});

export const ServiceState = named('ServiceState', { ...head, services });
export const NodeState = named('NodeState', { ...head, nodes });
export const ContainerState = named('ContainerState', { ...head, containers });

const cluster = nullable(Type.Object({ id: Type.String(), name: Type.String(), createdAt: time }, strict));
const trouble = nullable(Type.String(), 'what is wrong just now, as a sentence');
const description = Type.String();
const term = Type.Integer({ minimum: 0 });

const everything = {
  ...head,
  cluster,
  engine: nullable(oneOf([...engineKinds, 'mixed']), 'what the nodes run containers on'),
  alarms: Type.Array(ref<AlarmView>(Alarm)),
  nodes,
  services,
  containers,
};

/** Log, bus and manager are of now, so a state of the past has their names only. */
export const State = Type.Union(
  [
    Type.Object(
      {
        ...everything,
        manager: Type.String(),
        log: Type.Object({ description, trouble }, strict),
        bus: Type.Object({ state: oneOf(['connected', 'connecting', 'closed']), description, trouble }, strict),
        leader: nullable(Type.Object({ term, controllerId: Type.String(), isSelf: Type.Boolean() }, strict)),
      },
      { ...strict, title: 'now' },
    ),
    Type.Object(
      {
        ...everything,
        log: description,
        bus: description,
        leader: nullable(Type.Object({ term, controllerId: Type.String() }, strict)),
      },
      { ...strict, title: 'at a point in time' },
    ),
  ],
  { $id: 'State' },
);
