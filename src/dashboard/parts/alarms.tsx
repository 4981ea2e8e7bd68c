/** The alarms that stand; nothing when none does. */

import { formatDuration } from '../../history/sentences/format-values.ts';
import { shown, timeMs } from '../state/store.ts';

export function Alarms() {
  const alarms = [...shown.value.view.alarms.values()];
  if (alarms.length === 0) return null;
  return (
    <section aria-labelledby="alarms-heading" data-testid="alarms">
      <h2 id="alarms-heading" class="h6">
        Alarms
      </h2>
      <ul class="list-unstyled">
        {alarms.map(({ alarm, subject, message, since }) => (
          <li key={`${alarm} ${subject}`} class="co-alarm">
            <strong>
              {alarm}
              {subject === '' ? '' : ` · ${subject}`}
            </strong>{' '}
            {message} <small>{formatDuration(Math.max(0, timeMs.value - Date.parse(since)))}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}
