/** A way to the point in time of an event. */

import { formatTime } from '../../history/sentences/format-values.ts';
import { goToPosition } from '../state/travel.ts';

export function Jump({ position, at }: { position: number; at: string }) {
  return (
    <button type="button" class="co-jump" title="Show the cluster then" onClick={() => goToPosition(position)}>
      <time dateTime={at}>{formatTime(at).slice('2026-01-01 '.length, -'.000'.length)}</time>
    </button>
  );
}
