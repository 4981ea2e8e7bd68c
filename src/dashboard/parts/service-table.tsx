/** The services: wanted, running, healthy, the rollout, and in a sentence why one is not as it should be. */

import { useSignal } from '@preact/signals';
import type { ServiceStatus } from '../../model/status-charts.ts';
import type { RolloutRow } from '../../projections/rows/service-row.ts';
import { serviceMarks } from '../../projections/rows/state-marks.ts';
import type { ClusterView, ServiceView } from '../../projections/view/cluster-view.ts';
import { createServiceRows } from '../source/service-rows.ts';
import { selected, shown } from '../state/store.ts';

/** Of more, those that are not as they should be come first, and the rest when it is asked for. */
const fewMax = 30;
/** And no more than this. */
const rowsMax = 1_000;
const settled: ReadonlySet<ServiceStatus> = new Set(['converged', 'completed']);

const rows = createServiceRows();

export function ServiceTable() {
  const { view } = shown.value;
  const isWhole = useSignal(false);
  const byName = rows.inOrder(view.services);
  const isFew = byName.length <= fewMax;
  const services = isFew || isWhole.value ? byName : unsettledFirst(view, byName);
  const shownMax = isWhole.value ? rowsMax : fewMax;
  return (
    <section aria-labelledby="services-heading">
      <h2 id="services-heading" class="h6">
        Services
      </h2>
      <div class="table-responsive">
        <table class="table table-sm align-middle mb-2" data-testid="services">
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Status</th>
              <th scope="col" class="text-end">
                Running
              </th>
              <th scope="col" class="text-end">
                Healthy
              </th>
              <th scope="col" class="co-image-head">
                Image
              </th>
            </tr>
          </thead>
          <tbody>
            {services.slice(0, shownMax).map((service) => (
              <Row key={service.name} view={view} service={service} />
            ))}
          </tbody>
        </table>
        {!isFew && (
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary mb-2"
            onClick={() => {
              isWhole.value = !isWhole.value;
            }}
          >
            {isWhole.value ? 'Show less' : `Show all ${services.length}`}
          </button>
        )}
      </div>
    </section>
  );
}

function unsettledFirst(view: ClusterView, services: readonly ServiceView[]): ServiceView[] {
  const [unsettled, rest]: [ServiceView[], ServiceView[]] = [[], []];
  for (const service of services) (settled.has(rows.of(view, service).row.status) ? rest : unsettled).push(service);
  return [...unsettled, ...rest];
}

function Row({ view, service }: { view: ClusterView; service: ServiceView }) {
  const { row, healthy } = rows.of(view, service);
  const { serviceName, status, replicas, running, reason, image, generation, rollout } = row;
  const { shape, tone } = serviceMarks[status];
  return (
    <>
      <tr data-service={serviceName} data-status={status} class={reason === null ? '' : 'co-joined'}>
        <th scope="row">
          <button
            type="button"
            class="btn btn-link btn-sm p-0"
            onClick={() => {
              selected.value = { kind: 'service', id: serviceName };
            }}
          >
            {serviceName}
          </button>
        </th>
        <td>
          <span class={`co-badge co-${tone}`}>
            <span aria-hidden="true">{shape} </span>
            {status}
          </span>
        </td>
        <td class="text-end">
          {running} / {replicas}
        </td>
        <td class="text-end">{healthy}</td>
        <td class="co-image" title={image}>
          {image} <small>gen {generation}</small>
        </td>
      </tr>
      {(reason !== null || rollout?.state === 'in progress') && (
        <tr class="co-reason">
          <td colSpan={5}>
            {rollout?.state === 'in progress' && <Rollout rollout={rollout} wanted={replicas} name={serviceName} />}
            {reason}
          </td>
        </tr>
      )}
    </>
  );
}

function Rollout({ rollout, wanted, name }: { rollout: RolloutRow; wanted: number; name: string }) {
  const { from, to, healthy } = rollout;
  const label = `rollout of ${name} from generation ${from} to ${to}: ${healthy} of ${wanted}`;
  return (
    <div class="d-flex align-items-center gap-2">
      <progress class="co-progress" value={healthy} max={Math.max(1, wanted)} aria-label={label} />
      <span>
        generation {from} → {to}: {healthy} of {wanted}
      </span>
    </div>
  );
}
