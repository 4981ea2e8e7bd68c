/** The nodes and containers of a large cluster, drawn: hundreds of nodes, thousands of tiles, of which those in sight are painted. */

import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { isTerminal } from '../../model/container-machine.ts';
import { nodeRow, unreachableSince } from '../../projections/rows/node-row.ts';
import { containerMarks, markOf, nodeMarkOf, type Tone, tones } from '../../projections/rows/state-marks.ts';
import type { ContainerView } from '../../projections/view/cluster-view.ts';
import type { Column } from '../source/columns.ts';
import { block, hitOf, placeColumns, type TileGrid, tile, tilePlace } from '../source/tile-grid.ts';
import { selected } from '../state/store.ts';

export function LargeMap({ columns }: { columns: readonly Column[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
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
  useLayoutEffect(() => paint(canvas.current!, grid, { width: width.value, scrolled }));

  const hitAt = (event: MouseEvent) => hitOf(grid, event.offsetX, event.offsetY);
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

type Sprites = {
  theme: string;
  ratio: number;
  byLabel: ReadonlyMap<string, HTMLCanvasElement>;
  text: string;
  colours: Tones;
};
type Tones = Readonly<Record<Tone, string>>;

let sprites: Sprites | null = null;

/** Each mark is drawn once, and copied for each tile: thousands of letters would take longer than a picture may. */
function spritesOf(ratio: number): Sprites {
  const theme = document.documentElement.dataset.bsTheme ?? '';
  if (sprites?.theme === theme && sprites.ratio === ratio) return sprites;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--co-${name}`).trim();
  const colours = Object.fromEntries(tones.map((tone) => [tone, colour(tone)])) as Tones;
  const byLabel = new Map(
    containerMarks.map(({ label, shape, tone }) => {
      const drawn = document.createElement('canvas');
      drawn.width = drawn.height = tile.size * ratio;
      const context = drawn.getContext('2d')!;
      context.scale(ratio, ratio);
      context.fillStyle = colours[tone];
      context.fillRect(0, 0, tile.size, tile.size);
      context.fillStyle = colour('tile-text');
      context.font = `bold ${tile.size - 1}px sans-serif`;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      // Most of them run: those are plain, and the others stand out.
      if (label !== 'running') context.fillText(shape, tile.size / 2, tile.size / 2);
      return [label, drawn] as const;
    }),
  );
  sprites = { theme, ratio, byLabel, text: getComputedStyle(document.body).color, colours };
  return sprites;
}

function paint(
  canvas: HTMLCanvasElement,
  { columns, height }: TileGrid,
  { width, scrolled }: { width: number; scrolled: number },
) {
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  }
  const context = canvas.getContext('2d')!;
  const { byLabel, text, colours } = spritesOf(ratio);
  const top = scrolled - (canvas.getBoundingClientRect().top + scrollY);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, Math.max(0, top), width, innerHeight);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'top';
  const chosen = selected.value;
  for (const column of columns) {
    const { node, containers, x, y } = column;
    if (y + column.height < top || y > top + innerHeight) continue;
    const isUnknown = unreachableSince(node) !== null;
    const { shape, tone } = nodeMarkOf(nodeRow(node));
    // Most of them are ready: those are plain, and the others stand out.
    context.fillStyle = tone === 'good' ? text : colours[tone];
    context.fillText(tone === 'good' ? node.id : `${shape} ${node.id}`, x, y + 1, block.width - 12);
    for (const [index, container] of containers.entries()) {
      const place = tilePlace(index);
      const sprite = byLabel.get(markOf(container, isUnknown).label)!;
      context.globalAlpha = isTerminal(container.state) ? 0.55 : 1;
      context.drawImage(sprite, x + place.x, y + place.y, tile.size, tile.size);
      if (chosen?.id !== container.id) continue;
      context.strokeStyle = text;
      context.lineWidth = 2;
      context.strokeRect(x + place.x - 1, y + place.y - 1, tile.size + 2, tile.size + 2);
    }
    context.globalAlpha = 1;
  }
}
