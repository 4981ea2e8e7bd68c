/** The specs that a change would leave, beside those there are: what `dryRun` answers for people to compare. Pure. */

import { type Static, Type } from '@sinclair/typebox';
import type { NewEvent } from '../../events/schema/event.ts';
import { modeOf, policyOf } from '../../model/policy.ts';
import { Replicas } from '../../model/service.ts';
import type { ClusterView, ServiceView } from '../../projections/view/cluster-view.ts';
import { named, nullable, ref, strict } from '../schema/schema.ts';
import { toReleaseBody } from './release-specs.ts';
import { ContainerBody, releaseMembers } from './service-schema.ts';
import { toContainerBody } from './service-specs.ts';

const SupposedSpec = Type.Object(
  { replicas: Type.Optional(Replicas), container: ref<ContainerBody>(ContainerBody), ...releaseMembers },
  strict,
);
type SupposedSpec = Static<typeof SupposedSpec>;

export const SupposedSpecs = named('SupposedSpecs', {
  serviceName: Type.String(),
  before: nullable(SupposedSpec, 'null when there is no such service'),
  after: nullable(SupposedSpec, 'null when it is removed'),
});
export type SupposedSpecs = Static<typeof SupposedSpecs>;

/** Of the services that events of a decision are about, in the order of the events. */
export function supposedSpecs({ services }: ClusterView, events: readonly NewEvent[]): SupposedSpecs[] {
  return events.flatMap((event) => {
    if (
      event.type !== 'ServiceRequested' &&
      event.type !== 'ServiceScaled' &&
      event.type !== 'ServiceRemovalRequested'
    ) {
      return [];
    }
    const service = services.get(event.data.service);
    const before = service && !service.removing ? specOf(service) : null;
    return [{ serviceName: event.data.service, before, after: afterOf(event, before) }];
  });
}

type Requested = Extract<NewEvent, { type: 'ServiceRequested' | 'ServiceScaled' | 'ServiceRemovalRequested' }>;

function afterOf(event: Requested, before: SupposedSpec | null): SupposedSpec | null {
  if (event.type === 'ServiceRemovalRequested' || (event.type === 'ServiceScaled' && before === null)) return null;
  if (event.type === 'ServiceScaled') return { ...before!, replicas: event.data.replicas };
  const { container: spec, replicas } = event.data;
  return specOf({ spec, replicas, policy: policyOf(event.data) });
}

const specOf = ({ spec, replicas, policy }: Pick<ServiceView, 'spec' | 'replicas' | 'policy'>): SupposedSpec => ({
  ...(modeOf(policy) === 'replicated' ? { replicas } : {}),
  container: toContainerBody(spec),
  ...toReleaseBody(spec, policy),
});
