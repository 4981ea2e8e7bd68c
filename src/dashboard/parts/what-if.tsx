/** What may be asked without changing anything, by every reader and also in the past: what would follow, or would have followed then. */

import { serviceRow } from '../../projections/rows/service-row.ts';
import { type Assumption, mayAct, suppose } from '../state/acting.ts';
import { type Subject, shown } from '../state/store.ts';
import { ReplicasField } from './replicas-field.tsx';

export function WhatIf({ subject: { kind, id } }: { subject: Subject }) {
  const { view } = shown.value;
  const service = kind === 'service' ? view.services.get(id) : undefined;
  const node = kind === 'node' ? view.nodes.get(id) : undefined;
  // Who may change it sees the plan of each change first.
  const isScaled = service && !service.removing && !mayAct.value && serviceRow(view, service).mode === 'replicated';
  if (!isScaled && node?.state !== 'ready') return null;
  return (
    <fieldset class="co-actions" data-testid="what-if">
      <legend class="visually-hidden">What if, of {id}</legend>
      {isScaled && (
        <ReplicasField
          key={id}
          service={id}
          replicas={service.replicas}
          words="What if scaled"
          onReplicas={(replicas) =>
            suppose(`${id} were scaled to ${replicas}`, { kind: 'scale', service: id, replicas })
          }
        />
      )}
      {node && <Question words="it died" title={`${id} died`} assumption={{ kind: 'kill', node: id }} />}
      {node && !mayAct.value && (
        <Question words="it were drained" title={`${id} were drained`} assumption={{ kind: 'drain', node: id }} />
      )}
    </fieldset>
  );
}

function Question({ words, title, assumption }: { words: string; title: string; assumption: Assumption }) {
  return (
    <button type="button" class="btn btn-sm btn-outline-secondary" onClick={() => suppose(title, assumption)}>
      What if {words} …
    </button>
  );
}
