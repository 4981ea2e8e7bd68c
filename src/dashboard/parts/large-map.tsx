/** The nodes and containers of a large cluster, drawn: hundreds of nodes, thousands of tiles, of which those in sight are painted. */

import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { markOf } from '../../projections/rows/state-marks.ts';
import type { ContainerView } from '../../projections/view/cluster-view.ts';
import type { Column } from '../source/columns.ts';
import { hitOf, placeColumns, type TileGrid } from '../source/tile-grid.ts';
import { selected } from '../state/store.ts';
import { createTilePainter, type TilePainter } from './tile-painter.ts';

export function LargeMap({ columns }: { columns: readonly Column[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  /** Where in the grid the canvas begins. */
  const top = useRef(0);
  const painter = useRef<TilePainter>(null);
  const width = useSignal(700);
  const scroll = useSignal(0);
  const grid = placeColumns(columns, width.value);

  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => {
      width.value = element.parentElement!.clientWidth;
    });
    observer.observe(element.parentElement!);
    const onScroll = () => {
      scroll.value = window.scrollY;
    };
    addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      removeEventListener('scroll', onScroll);
    };
  }, [width, scroll]);

  // Reading it here draws again when the page is scrolled.
  const { value: scrolled } = scroll;
  useLayoutEffect(() => {
    top.current = place(canvas.current!, grid, { width: width.value, scrolled });
    painter.current ??= createTilePainter(canvas.current!);
    painter.current.paint(grid, { top: top.current, chosen: selected.value?.id ?? null });
  });

  const hitAt = (event: MouseEvent) => hitOf(grid, event.offsetX, event.offsetY + top.current);
  return (
    <>
      <Finder columns={columns} />
      <div class="co-canvas">
        <canvas
          ref={canvas}
          role="img"
          aria-label={wordsOf(columns)}
          data-testid="canvas"
          onClick={(event) => {
            const hit = hitAt(event);
            if (!hit) return;
            const { column, container } = hit;
            selected.value = container ? { kind: 'container', id: container.id } : { kind: 'node', id: column.node.id };
          }}
          onMouseMove={(event) => {
            const hit = hitAt(event);
            canvas.current!.title = hit ? (hit.container ? describe(hit.container) : hit.column.node.id) : '';
          }}
        />
      </div>
    </>
  );
}

const describe = (container: ContainerView): string => `${container.id}: ${markOf(container, false).label}`;

function wordsOf(columns: readonly Column[]): string {
  const counts = new Map<string, number>();
  let containers = 0;
  for (const column of columns) {
    containers += column.containers.length;
    for (const { state } of column.containers) counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const states = Array.from(counts, ([state, count]) => `${count} ${state}`).join(', ');
  return `${columns.length} nodes with ${containers} containers: ${states}. Find one by its name above.`;
}

const foundMax = 12;

/** By name: with keys, and for those who do not see the drawing. */
function Finder({ columns }: { columns: readonly Column[] }) {
  const text = useSignal('');
  const wanted = text.value.trim().toLowerCase();
  const found: { kind: 'node' | 'container'; id: string }[] = [];
  if (wanted !== '') {
    for (const { node, containers } of columns) {
      if (node.id.includes(wanted)) found.push({ kind: 'node', id: node.id });
      for (const { id } of containers) if (id.includes(wanted)) found.push({ kind: 'container', id });
      if (found.length >= foundMax) break;
    }
  }
  return (
    <div class="mb-2">
      <input
        type="search"
        class="form-control form-control-sm"
        placeholder="worker-17, web.3 …"
        aria-label="Find a node or a container"
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
      <ul class="co-tiles list-unstyled mt-1" data-testid="found">
        {found.slice(0, foundMax).map((subject) => (
          <li key={`${subject.kind} ${subject.id}`}>
            <button
              type="button"
              class="btn btn-sm btn-outline-secondary"
              onClick={() => {
                selected.value = subject;
              }}
            >
              {subject.id}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Beyond what is in sight, for a scroll that is faster than a picture. */
const marginPx = 200;

/** Where the grid is in sight is the canvas: one of all of it is copied whole for each picture. @returns its place in the grid */
function place(
  canvas: HTMLCanvasElement,
  { height }: TileGrid,
  { width, scrolled }: { width: number; scrolled: number },
): number {
  const ratio = devicePixelRatio;
  const whole = canvas.parentElement!;
  const inSight = scrolled - (whole.getBoundingClientRect().top + scrollY);
  const top = Math.round(Math.max(0, Math.min(inSight - marginPx, height)));
  const painted = Math.max(1, Math.min(height - top, innerHeight + 2 * marginPx));
  const size = { width: Math.round(width * ratio), height: Math.round(painted * ratio) };
  if (canvas.width !== size.width || canvas.height !== size.height) {
    Object.assign(canvas, size);
    Object.assign(canvas.style, { width: `${width}px`, height: `${painted}px` });
  }
  whole.style.height = `${height}px`;
  canvas.style.top = `${top}px`;
  return top;
}
