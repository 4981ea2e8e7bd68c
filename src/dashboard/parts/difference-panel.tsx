/** What is different between the two handles: what came, went and changed, and the events that made it so. */

import { formatTime } from '../../history/sentences/format-values.ts';
import { comparedMs, type Difference, difference, type RowChange } from '../state/compare.ts';
import { goToPosition } from '../state/travel.ts';

const kinds = ['services', 'nodes', 'containers'] as const;
const rowsMax = 50;
const signs = { added: '+', removed: '−', changed: '±' } as const;
const tones = { added: 'good', removed: 'bad', changed: 'work' } as const;

export function DifferencePanel() {
  if (comparedMs.value === null) return null;
  const { value } = difference;
  return (
    <section class="co-details" aria-labelledby="difference-heading" data-testid="difference">
      <h2 id="difference-heading" class="h5">
        Difference
      </h2>
      {value === null && <p role="status">Comparing …</p>}
      {value?.refusal && <p class="co-alarm">{value.refusal}</p>}
      {value?.found && <Found found={value.found} />}
    </section>
  );
}

function Found({ found }: { found: Difference }) {
  const isSame = kinds.every((kind) => found[kind].changes.length === 0);
  return (
    <>
      <p class="small">
        {formatTime(found.from.at)} → {formatTime(found.to.at)} UTC
      </p>
      {isSame && <p>Nothing differs.</p>}
      {kinds.map((kind) => {
        const { changes, more } = found[kind];
        if (changes.length === 0) return null;
        const left = more + Math.max(0, changes.length - rowsMax);
        return (
          <div key={kind}>
            <h3 class="h6">{kind}</h3>
            <ul class="list-unstyled">
              {changes.slice(0, rowsMax).map((change) => (
                <Row key={change.name} change={change} />
              ))}
            </ul>
            {left > 0 && <p class="small">{left} more</p>}
          </div>
        );
      })}
    </>
  );
}

/** Times that go along with every change say nothing of their own. */
const silent: ReadonlySet<string> = new Set(['since', 'updatedAt', 'specHash']);

function Row({ change: { change, name, fields = [], madeBy } }: { change: RowChange }) {
  const [last] = madeBy.events.slice(-1);
  return (
    <li data-change={change} data-name={name}>
      <span class={`co-swatch co-${tones[change]}`}>
        {signs[change]} {name}
      </span>
      {fields
        .filter(({ field }) => !silent.has(field))
        .map(({ field, before, after }) => (
          <span key={field} class="co-field-change">
            {field}: {wordOf(before)} → {wordOf(after)}
          </span>
        ))}
      {last && (
        <button type="button" class="co-jump small" onClick={() => goToPosition(last.position)}>
          by #{last.position}
        </button>
      )}
    </li>
  );
}

const wordOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
