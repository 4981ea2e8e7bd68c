/**
 * Owns who may import whom. The table of folders in docs/ARCHITECTURE.md is read, not repeated; a folder that is not in
 * it may not exist. All rules are pure.
 */

import { importsOf, isSource, isTypeScript, type ProjectFile, type Rule } from './project-file.ts';

export const tablePath = 'docs/ARCHITECTURE.md';

/** Files beside the folders that know nothing of them, for everyone. */
const forEveryone = ['src/clock.ts', 'src/errors.ts', 'src/logger.ts'];

/** Each driver is the business of one place, so that another can take its place. */
const driverFolders: [driver: RegExp, folders: string[]][] = [
  [/^mongodb$/, ['events', 'projections']],
  [/^amqplib(\/|$)/, ['bus']],
  [/^dockerode$/, ['agent']],
  [/^(fastify|@fastify\/.*)$/, ['http']],
  [/^rxjs(\/|$)/, ['reconciler', 'bus', 'agent']],
  [/^xstate$/, ['model']],
];

/** Folder → what it may import: folders, or the beginning of a path in one (`reconciler/decide`). */
export type ImportTable = ReadonlyMap<string, readonly string[]>;

/** Rows of the form: | `src/model/` | words | nothing of ours | */
export function parseImportTable(markdown: string): ImportTable {
  const rows = markdown.matchAll(/^\| `src\/([a-z-]+)\/` \|[^|]*\| ([^|]+) \|$/gm);
  return new Map(
    Array.from(rows, ([, folder, may]) => [folder!, may === 'nothing of ours' ? [] : may!.split(', ').map(unquote)]),
  );
}

const unquote = (text: string) => text.replaceAll('`', '');
const folderOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1] ?? null;

/** Folders import what the table allows them, and of the files beside them only those for everyone. */
export const checkFolderImports: Rule = (files) => {
  const table = parseImportTable(files.find(({ path }) => path === tablePath)?.text ?? '');
  return files.filter(isSource).flatMap((file) => {
    const folder = folderOf(file.path);
    if (folder === null) return [];
    const allowed = table.get(folder);
    if (!allowed) return [`${file.path}: src/${folder}/ is not in the table of ${tablePath}`];
    return importsOf(file)
      .filter(({ target }) => target !== null && !isAllowed(target, folder, allowed))
      .map(({ target }) => `${file.path} imports ${target}: not what ${tablePath} allows src/${folder}/`);
  });
};

function isAllowed(target: string, folder: string, allowed: readonly string[]): boolean {
  if (forEveryone.includes(target) || target.startsWith(`src/${folder}/`)) return true;
  return allowed.some((may) => target.startsWith(may.includes('/') ? `src/${may}` : `src/${may}/`));
}

/** The table itself runs in one direction: a row imports only rows above it. */
export const checkTableDirection: Rule = (files) => {
  const folders = [...parseImportTable(files.find(({ path }) => path === tablePath)?.text ?? '')];
  if (folders.length === 0) return [`${tablePath} has no table of folders`];
  return folders.flatMap(([folder, allowed], row) => {
    const above = folders.slice(0, row).map(([name]) => name);
    const upward = allowed.filter((may) => !above.includes(may.split('/')[0]!));
    return upward.map((may) => `${tablePath}: src/${folder}/ may import ${may}, which is not above it`);
  });
};

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
      if (!folders || folders.includes(folderOf(file.path) ?? '')) return [];
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

/** Also a cycle inside a folder leaves it to luck which file is evaluated first. Types are gone by then. */
export const checkCycles: Rule = (files) => {
  const targetsOf = new Map(
    files
      .filter(isTypeScript)
      .map((file) => [file.path, importsOf(file).flatMap(({ target, isType }) => (isType ? [] : (target ?? [])))]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]) => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const target of targetsOf.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targetsOf.keys()) visit(path, []);
  return cycles.map((cycle) => `import cycle: ${cycle}`);
};

/** Node.js runs the files as they are: it wants the whole name. */
export const checkExtensions: Rule = (files) => {
  const paths = new Set(files.map(({ path }: ProjectFile) => path));
  return files.filter(isTypeScript).flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target !== null && !(/\.(ts|json)$/.test(target) && paths.has(target)))
      .map(({ specifier }) => `${file.path} imports ${specifier}: no such file with that whole name`),
  );
};
