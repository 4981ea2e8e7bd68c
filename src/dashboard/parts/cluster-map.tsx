/** The nodes as columns, and in each its containers as tiles. */

import { formatDuration } from '../../history/sentences/format-values.ts';
import { isTerminal } from '../../model/container-machine.ts';
import { nodeReach, nodeRow, unreachableSince } from '../../projections/rows/node-row.ts';
import { containerMarks, type Mark, markOf, nodeMarkOf } from '../../projections/rows/state-marks.ts';
import type { ContainerView } from '../../projections/view/cluster-view.ts';
import { type Column, columnsOf, sortBySlot } from '../source/columns.ts';
import { selected, shown, timeMs } from '../state/store.ts';
import { LargeMap } from './large-map.tsx';

/** With more, tiles have no names: the shape and the colour stay. */
const namedMax = 150;

/** With more, the map is drawn: elements for each tile would take longer than a picture may. */
const elementsMax = 800;
const columnsMax = 80;

export function ClusterMap() {
  const { view } = shown.value;
  const columns = columnsOf(view, timeMs.value);
  const isLarge = view.containers.size > elementsMax || columns.length > columnsMax;
  const isNamed = view.containers.size <= namedMax;
  return (
    <section aria-labelledby="nodes-heading">
      <div class="d-flex flex-wrap align-items-baseline justify-content-between gap-2">
        <h2 id="nodes-heading" class="h6">
          Nodes
        </h2>
        <Legend />
      </div>
      {isLarge ? (
        <LargeMap columns={columns} />
      ) : (
        <ul class="co-columns list-unstyled" data-testid="nodes">
          {columns.map((column) => (
            <NodeColumn key={column.node.id} node={column.node} containers={sortBySlot(column)} isNamed={isNamed} />
          ))}
        </ul>
      )}
    </section>
  );
}

function NodeColumn({ node, containers, isNamed }: Column & { isNamed: boolean }) {
  const row = nodeRow(node);
  const { availability, reason, suspect } = row;
  const reach = nodeReach(node);
  const isUnknown = unreachableSince(node) !== null;
  const words = [
    ...(reach === 'ready' ? [] : [reach]),
    ...(availability === 'active' ? [] : [availability]),
    ...(suspect === null ? [] : ['suspect']),
  ];
  const { shape, tone } = nodeMarkOf(row);
  return (
    <li class={`co-column co-${tone}`} data-node={node.id} title={reason ?? undefined}>
      <button
        type="button"
        class="co-node"
        onClick={() => {
          selected.value = { kind: 'node', id: node.id };
        }}
      >
        <span class="co-node-name">{node.id}</span>
        <span class="co-node-state">
          <span aria-hidden="true">{shape} </span>
          {words.length === 0 ? 'ready' : words.join(', ')}
        </span>
      </button>
      <ul class="co-tiles list-unstyled">
        {containers.map((container) => (
          <Tile key={container.id} container={container} mark={markOf(container, isUnknown)} isNamed={isNamed} />
        ))}
      </ul>
    </li>
  );
}

type TileProps = { container: ContainerView; mark: Mark; isNamed: boolean };

function Tile({ container, mark, isNamed }: TileProps) {
  const { id, service, slot, since, state, reason } = container;
  const age = formatDuration(Math.max(0, timeMs.value - Date.parse(since)));
  const why = reason === null ? '' : ` (${reason})`;
  const isChosen = selected.value?.kind === 'container' && selected.value.id === id;
  return (
    <li>
      <button
        type="button"
        class={`co-tile co-${mark.tone}${isTerminal(state) ? ' co-ended' : ''}${isChosen ? ' co-chosen' : ''}`}
        data-container={id}
        data-state={state}
        aria-label={`${id}: ${mark.label}${why}`}
        title={`${id}: ${mark.label}${why}, ${age}`}
        onClick={() => {
          selected.value = { kind: 'container', id };
        }}
      >
        <span aria-hidden="true">{mark.shape}</span>
        {isNamed && (
          <span class="co-tile-name">
            {service}.{slot}
          </span>
        )}
      </button>
    </li>
  );
}

function Legend() {
  return (
    <ul class="co-legend list-unstyled" aria-label="What the shapes mean">
      {containerMarks.map(({ shape, tone, label }) => (
        <li key={label}>
          <span class={`co-swatch co-${tone}`} aria-hidden="true">
            {shape}
          </span>
          {label.replace(/[:,].*/, '')}
        </li>
      ))}
    </ul>
  );
}
