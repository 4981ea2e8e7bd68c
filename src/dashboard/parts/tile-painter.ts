/** Paints the nodes and containers of a large cluster on a canvas: of one picture after the other what is different. */

import { isTerminal } from '../../model/container-machine.ts';
import { nodeRow, unreachableSince } from '../../projections/rows/node-row.ts';
import { containerMarks, type Mark, markOf, nodeMarkOf, type Tone, tones } from '../../projections/rows/state-marks.ts';
import { sortBySlot } from '../source/columns.ts';
import { block, type PlacedColumn, type TileGrid, tile, tilePlace } from '../source/tile-grid.ts';

export type TilePainter = {
  /** @param sight.top where in the grid the canvas begins */
  paint(grid: TileGrid, sight: { top: number; chosen: string | null }): void;
};

type Colours = Readonly<Record<Tone, string>>;

type Sprites = {
  theme: string;
  ratio: number;
  byLabel: ReadonlyMap<string, HTMLCanvasElement>;
  text: string;
  colours: Colours;
};

/** A node as it is to be seen. What has the same place and the same look is painted already. */
type Block = {
  column: PlacedColumn;
  tiles: readonly Tile[];
  colour: string;
  words: string;
  place: string;
  look: string;
};
type Tile = { mark: Mark; isEnded: boolean; isChosen: boolean };

export function createTilePainter(canvas: HTMLCanvasElement): TilePainter {
  let sprites = drawSprites(devicePixelRatio);
  let before: { sprites: Sprites; top: number; size: string; blocks: readonly Block[] } | null = null;

  return {
    paint({ columns }, { top, chosen }) {
      const ratio = devicePixelRatio;
      if (sprites.theme !== currentTheme() || sprites.ratio !== ratio) sprites = drawSprites(ratio);
      // A canvas of another size is empty.
      const size = `${canvas.width} ${canvas.height}`;
      const isSame = before?.sprites === sprites && before.top === top && before.size === size;
      const known = isSame ? before!.blocks : [];
      const bottom = top + canvas.height / ratio;
      const blocks = columns
        .filter(({ y, height }) => y + height >= top && y <= bottom)
        .map((column) => blockOf(column, chosen, sprites));
      const context = canvas.getContext('2d')!;
      context.setTransform(ratio, 0, 0, ratio, 0, -top * ratio);
      context.font = '11px system-ui, sans-serif';
      context.textBaseline = 'top';
      const movedY = movedFrom(known, blocks) ?? bottom;
      context.clearRect(0, movedY, canvas.width, bottom - movedY);
      for (const [index, one] of blocks.entries()) {
        const isMoved = one.column.y >= movedY;
        if (!isMoved && known[index]!.look === one.look) continue;
        if (!isMoved) context.clearRect(one.column.x - edge, one.column.y, block.width, one.column.height);
        paintBlock(context, one, sprites);
      }
      before = { sprites, top, size, blocks };
    },
  };
}

/** From where on blocks have other places; null: none has. */
function movedFrom(known: readonly Block[], blocks: readonly Block[]): number | null {
  const length = Math.max(known.length, blocks.length);
  for (let index = 0; index < length; index += 1) {
    const [before, now] = [known[index], blocks[index]];
    if (before?.place !== now?.place) return Math.min(before?.column.y ?? 0, now?.column.y ?? before!.column.y);
  }
  return null;
}

function blockOf(column: PlacedColumn, chosen: string | null, { colours, text }: Sprites): Block {
  const { node, x, y, height } = column;
  const isUnknown = unreachableSince(node) !== null;
  const { shape, tone } = nodeMarkOf(nodeRow(node));
  // Most of them are ready: those are plain, and the others stand out.
  const [colour, words] = tone === 'good' ? [text, node.id] : [colours[tone], `${shape} ${node.id}`];
  let look = `${colour} ${words} `;
  const tiles = sortBySlot(column).map((container) => {
    const one = {
      mark: markOf(container, isUnknown),
      isEnded: isTerminal(container.state),
      isChosen: container.id === chosen,
    };
    look += `${one.mark.shape}${one.isEnded ? '-' : ''}${one.isChosen ? '+' : ''}`;
    return one;
  });
  return { column, tiles, colour, words, place: `${x} ${y} ${height}`, look };
}

const endedAlpha = 0.55;
/** What is chosen has a line around it, so far out. */
const edge = 2;

function paintBlock(
  context: CanvasRenderingContext2D,
  { column: { x, y }, tiles, colour, words }: Block,
  { byLabel, text }: Sprites,
): void {
  context.fillStyle = colour;
  context.fillText(words, x, y + 1, block.width - 12);
  for (const [index, { mark, isEnded, isChosen }] of tiles.entries()) {
    const at = tilePlace(index);
    context.globalAlpha = isEnded ? endedAlpha : 1;
    context.drawImage(byLabel.get(mark.label)!, x + at.x, y + at.y, tile.size, tile.size);
    if (!isChosen) continue;
    context.strokeStyle = text;
    context.lineWidth = 2;
    context.strokeRect(x + at.x - 1, y + at.y - 1, tile.size + 2, tile.size + 2);
  }
  context.globalAlpha = 1;
}

const currentTheme = (): string => document.documentElement.dataset.bsTheme ?? '';

/** Each mark is drawn once, and copied for each tile: thousands of letters would take longer than a picture may. */
function drawSprites(ratio: number): Sprites {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--co-${name}`).trim();
  const colours = Object.fromEntries(tones.map((tone) => [tone, colour(tone)])) as Colours;
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
  return { theme: currentTheme(), ratio, byLabel, text: getComputedStyle(document.body).color, colours };
}
