/** What a person may do with a service or a node. Each shows its plan before anything happens. */

import { useSignal } from '@preact/signals';
import { serviceRow } from '../../projections/rows/service-row.ts';
import type { NodeView, ServiceView } from '../../projections/view/cluster-view.ts';
import { ask, mayAct, outcome } from '../state/acting.ts';
import { type Subject, shown } from '../state/store.ts';
import { ReplicasField } from './replicas-field.tsx';

export function Actions({ subject: { kind, id } }: { subject: Subject }) {
  const { view } = shown.value;
  const service = kind === 'service' ? view.services.get(id) : undefined;
  const node = kind === 'node' ? view.nodes.get(id) : undefined;
  if (!mayAct.value || (!service && !node)) return null;
  return (
    <fieldset class="co-actions" data-testid="actions">
      <legend class="visually-hidden">Change {id}</legend>
      {service && <ServiceActions key={id} service={service} />}
      {node && <NodeActions node={node} />}
      {outcome.value !== null && (
        <p class="w-100 m-0" role="status">
          {outcome.value}
        </p>
      )}
    </fieldset>
  );
}

function ServiceActions({ service }: { service: ServiceView }) {
  const { name, spec } = service;
  const { mode } = serviceRow(shown.value.view, service);
  const image = useSignal(spec.image);
  const path = `/service/${name}`;
  return (
    <>
      {mode === 'replicated' && (
        <ReplicasField
          service={name}
          replicas={service.replicas}
          words="Scale"
          onReplicas={(replicas) =>
            ask({ title: `Scale ${name} to ${replicas}`, method: 'PATCH', path, body: { replicas } })
          }
        />
      )}
      <form
        class="input-group input-group-sm co-field co-wide"
        onSubmit={(event) => {
          event.preventDefault();
          const body = { container: { image: image.value.trim() } };
          void ask({ title: `Set the image of ${name} to ${image.value.trim()}`, method: 'PATCH', path, body });
        }}
      >
        <input
          class="form-control"
          required
          aria-label={`Image of ${name}`}
          value={image.value}
          onInput={({ currentTarget }) => {
            image.value = currentTarget.value;
          }}
        />
        <button type="submit" class="btn btn-outline-secondary">
          Set image …
        </button>
      </form>
      <Act words="Roll back" title={`Roll ${name} back`} method="POST" path={`${path}/rollback`} body={{}} />
      <Act words="Restart" title={`Restart ${name}`} method="POST" path={`${path}/restart`} />
      <Act words="Remove" title={`Remove ${name}`} method="DELETE" path={path} isGrave />
    </>
  );
}

function NodeActions({ node: { id, state, availability } }: { node: NodeView }) {
  const path = `/node/${id}`;
  return (
    <>
      {availability !== 'draining' && <Act words="Drain" title={`Drain ${id}`} method="POST" path={`${path}/drain`} />}
      {availability === 'active' && <Act words="Cordon" title={`Cordon ${id}`} method="POST" path={`${path}/cordon`} />}
      {availability !== 'active' && (
        <Act words="Activate" title={`Activate ${id}`} method="POST" path={`${path}/activate`} />
      )}
      {state === 'lost' && <Act words="Remove" title={`Remove ${id}`} method="DELETE" path={path} isGrave />}
    </>
  );
}

type ActProps = {
  words: string;
  title: string;
  method: 'POST' | 'DELETE';
  path: string;
  body?: object;
  isGrave?: boolean;
};

function Act({ words, title, method, path, body, isGrave = false }: ActProps) {
  return (
    <button
      type="button"
      class={`btn btn-sm ${isGrave ? 'btn-outline-danger' : 'btn-outline-secondary'}`}
      onClick={() => ask({ title, method, path, ...(body === undefined ? {} : { body }) })}
    >
      {words} …
    </button>
  );
}
