/**
 * Who may import whom. The table of folders in docs/ARCHITECTURE.md is read, not repeated; a folder that is not in
 * it may not exist. All rules are pure.
 */

import { posix } from 'node:path';
import { importsOf, isSource, isTypeScript, type ProjectFile, type Rule } from './project-file.ts';

export const tablePath = 'docs/ARCHITECTURE.md';

/** The only files beside the folders. The program's entry may import everything; the others know nothing of the folders. */
const entry = 'src/main.ts';
const forEveryone = ['src/clock.ts', 'src/errors.ts', 'src/logger.ts'];

/** Each driver is imported by the folders that wrap it, so that it can be replaced there. */
const driverFolders: [driver: RegExp, folders: string[]][] = [
  [/^mongodb$/, ['events', 'projections/read-models', 'secrets/stores']],
  [/^amqplib(\/|$)/, ['bus']],
  [/^dockerode$/, ['agent']],
  [/^(fastify|@fastify\/.*)$/, ['http']],
  [/^rxjs(\/|$)/, ['reconciler', 'bus', 'agent']],
  [/^xstate$/, ['model', 'agent']],
  [/^(preact|@preact\/signals|d3-scale|@dagrejs\/dagre)(\/|$)/, ['dashboard']],
  [/^prom-client$/, ['daemon/metrics']],
];

/** Folder → what it may import: folders and files, as paths below src. `*` is everything. */
export type ImportTable = ReadonlyMap<string, readonly string[]>;

/** Rows of the form: | `src/model/` | words | nothing of ours | */
export function parseImportTable(markdown: string): ImportTable {
  const rows = markdown.matchAll(/^\| `src\/([a-z/-]+)\/` \|[^|]*\| ([^|]+) \|$/gm);
  return new Map(Array.from(rows, ([, folder, may]) => [folder!, parseAllowed(may!)]));
}

function parseAllowed(cell: string): string[] {
  if (cell === 'nothing of ours') return [];
  if (cell === 'all of the above') return ['*'];
  return cell.split(', ').map((name) => name.replaceAll('`', ''));
}

const readTable = (files: readonly ProjectFile[]) =>
  parseImportTable(files.find(({ path }) => path === tablePath)?.text ?? '');

/** A path is that folder, that file, or inside that folder; a name that only begins alike is another. */
const isWithin = (path: string, folder: string) => path === `src/${folder}` || path.startsWith(`src/${folder}/`);

/** The row for a file: that of the deepest folder it is in. */
const rowOf = (path: string, table: ImportTable): string | undefined =>
  [...table.keys()].filter((folder) => isWithin(path, folder)).toSorted((a, b) => b.length - a.length)[0];

/** Files import what the table allows their folder, types included, and of the files beside the folders the common ones. */
export const checkFolderImports: Rule = (files) => {
  const table = readTable(files);
  return files.filter(isSource).flatMap((file) => {
    if (posix.dirname(file.path) === 'src') return [];
    const folder = rowOf(file.path, table);
    if (folder === undefined) return [`${file.path}: its folder is not in the table of ${tablePath}`];
    return importsOf(file)
      .filter(({ target }) => target !== null && !isAllowed(target, folder, table))
      .map(({ target }) => `${file.path} imports ${target}: not what ${tablePath} allows src/${folder}/`);
  });
};

function isAllowed(target: string, folder: string, table: ImportTable): boolean {
  if (forEveryone.includes(target) || rowOf(target, table) === folder) return true;
  return table.get(folder)!.some((may) => (may === '*' ? posix.dirname(target) !== 'src' : isWithin(target, may)));
}

/** The table itself runs in one direction: a row imports only rows above it, or folders and files within them. */
export const checkTableDirection: Rule = (files) => {
  const folders = [...readTable(files)];
  if (folders.length === 0) return [`${tablePath} has no table of folders`];
  return folders.flatMap(([folder, allowed], row) => {
    const above = folders.slice(0, row).map(([name]) => name);
    const isAbove = (may: string) =>
      above.some((name) => isWithin(`src/${may}`, name) || isWithin(`src/${name}`, may)) &&
      !isWithin(`src/${folder}`, may);
    return allowed
      .filter((may) => may !== '*' && !isAbove(may))
      .map((may) => `${tablePath}: src/${folder}/ may import ${may}, which is not above it`);
  });
};

/** Everything else belongs in a folder, where the table says what it may import. */
export const checkLooseFiles: Rule = (files) =>
  files
    .filter((file) => isSource(file) && posix.dirname(file.path) === 'src')
    .filter(({ path }) => path !== entry && !forEveryone.includes(path))
    .map(({ path }) => `${path}: belongs in a folder of src`);

export const checkEveryonesFiles: Rule = (files) =>
  files
    .filter(({ path }) => forEveryone.includes(path))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ target }) => target !== null && !forEveryone.includes(target))
        .map(({ target }) => `${file.path} imports ${target}, but is imported by everyone`),
    );

export const checkDrivers: Rule = (files) =>
  files.filter(isSource).flatMap((file) =>
    importsOf(file).flatMap(({ specifier }) => {
      const [, folders] = driverFolders.find(([driver]) => driver.test(specifier)) ?? [];
      if (!folders || folders.some((folder) => isWithin(file.path, folder))) return [];
      return [`${file.path} imports ${specifier}, which is for ${folders.map((name) => `src/${name}/`).join(' and ')}`];
    }),
  );

/** Production code stands without its tests and without the scripts around it. */
export const checkSourceStandsAlone: Rule = (files) =>
  files.filter(isSource).flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target !== null && !target.startsWith('src/'))
      .map(({ target }) => `${file.path} imports ${target}, which is not in src/`),
  );

/** Cycles of files leave it to luck which one is evaluated first; a cycle of types alone means one file too many. */
export const checkCycles: Rule = (files) =>
  findCycles(graphOf(files, (path) => path)).map((cycle) => `import cycle: ${cycle}`);

/** A cycle of folders means that neither can be understood, or replaced, without the other. */
export const checkFolderCycles: Rule = (files) => {
  const inFolders = files.filter((file) => isSource(file) && posix.dirname(file.path) !== 'src');
  return findCycles(graphOf(inFolders, posix.dirname)).map((cycle) => `import cycle of folders: ${cycle}`);
};

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** What imports what, by the name that `nameOf` gives a path. Imports of the files beside the folders do not count. */
function graphOf(files: readonly ProjectFile[], nameOf: (path: string) => string): Graph {
  const graph = new Map<string, Set<string>>();
  for (const file of files.filter(isTypeScript)) {
    const from = nameOf(file.path);
    const targets = importsOf(file).flatMap(({ target }) => (target === null ? [] : nameOf(target)));
    const known = graph.get(from) ?? new Set();
    for (const target of targets) if (target !== from && target !== 'src') known.add(target);
    graph.set(from, known);
  }
  return graph;
}

function findCycles(graph: Graph): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (name: string, route: string[]) => {
    if (route.includes(name)) cycles.push([...route.slice(route.indexOf(name)), name].join(' → '));
    if (done.has(name) || route.includes(name)) return;
    for (const target of graph.get(name) ?? []) visit(target, [...route, name]);
    done.add(name);
  };
  for (const name of graph.keys()) visit(name, []);
  return cycles;
}

/** Node.js runs the files as they are: it wants the whole name. */
export const checkExtensions: Rule = (files) => {
  const paths = new Set(files.map(({ path }: ProjectFile) => path));
  return files.filter(isTypeScript).flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target !== null && !(/\.(tsx?|json)$/.test(target) && paths.has(target)))
      .map(({ specifier }) => `${file.path} imports ${specifier}: no such file with that whole name`),
  );
};
