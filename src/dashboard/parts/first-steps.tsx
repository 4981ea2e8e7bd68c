/** What to type first, where nothing runs yet. */

import { shown } from '../state/store.ts';

export function FirstSteps() {
  const { nodes, services } = shown.value.view;
  if (nodes.size > 0 && services.size > 0) return null;
  const origin = location.origin;
  return (
    <section class="co-first" aria-labelledby="first-heading" data-testid="first-steps">
      <h2 id="first-heading" class="h5">
        {nodes.size === 0 ? 'No node has joined yet' : 'Nothing runs yet'}
      </h2>
      {nodes.size === 0 && (
        <>
          <p>Bring in a machine. This prints the line to type there:</p>
          <pre>./coctl token create --join</pre>
        </>
      )}
      {services.size === 0 && (
        <>
          <p>Ask for a service. What becomes of it appears here at once:</p>
          <pre>./coctl run web nginx --replicas 3 --url {origin}</pre>
        </>
      )}
    </section>
  );
}
