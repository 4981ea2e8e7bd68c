/** Reads the files of `coctl apply`: services as POST /service takes them, in YAML or JSON, and compose files. */

import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { AppError, hasCode } from '../../errors.ts';
import type { ServiceRequest } from '../sources/spec-options.ts';
import { parseDocuments } from './documents.ts';
import { interpolateTree, type Variables } from './interpolate.ts';
import { type Dependency, isTree, mergeTrees, type Tree, toDependencies, toMap } from './merge.ts';
import { type Note, notesOfTop } from './notes.ts';
import { validateCompose } from './schema.ts';
import { toService } from './service.ts';
import { startGroups } from './start-order.ts';
import { toList } from './values.ts';

/** What files define together. */
export type Definition = {
  /** Of compose files their name, or that of their folder; null: the files are ours and have none. */
  project: string | null;
  services: ServiceRequest[];
  /** By service: which others have to run before its first start. */
  dependencies: Map<string, string[]>;
  notes: Note[];
};

export type ReadOptions = {
  project?: string;
  profiles: readonly string[];
  /** Of the shell; wins over a `.env` beside the first file. */
  environment: Variables;
};

const extendsDepthMax = 10;

/** @throws AppError `usage_invalid` naming file, field and rule · `file_missing`; of the system, where a file cannot be read */
export async function readDefinition(paths: readonly string[], options: ReadOptions): Promise<Definition> {
  const documents: ReadDocument[] = [];
  for (const path of paths) {
    const values = parseDocuments(path, await readText(path === '-' ? '/dev/stdin' : path));
    documents.push(...values.map((value) => ({ path, value })));
  }
  const ours = documents.flatMap(({ path, value }) => (isCompose(value) ? [] : servicesOf(path, value)));
  const compose = documents.filter(({ value }) => isCompose(value));
  const project = options.project ?? null;
  const definition: Definition =
    compose.length === 0
      ? { project, services: [], dependencies: new Map(), notes: [] }
      : await readCompose(compose, options);
  const services = [...ours, ...definition.services];
  const twice = services.find(
    ({ serviceName }, index) => services.findIndex((one) => one.serviceName === serviceName) < index,
  );
  if (twice) throw new AppError('usage_invalid', `the service ${twice.serviceName} is defined twice`);
  if (services.length === 0) throw new AppError('usage_invalid', `${paths.join(', ')} defines no service`);
  return { ...definition, services };
}

/** @throws AppError `file_missing`; of the system, where it cannot be read */
async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw missing(path);
  });
}

const missing = (path: string, field = '') => new AppError('file_missing', `${field}there is no file ${path}`);

/** Ours is a list of services, or one of them; a compose file has them by name. */
const isCompose = (value: unknown): boolean =>
  isTree(value) && !Array.isArray(value.services) && value.serviceName === undefined;

function servicesOf(path: string, value: unknown): ServiceRequest[] {
  const found = isTree(value) && Array.isArray(value.services) ? value.services : [value];
  const rest =
    isTree(value) && Array.isArray(value.services) ? Object.keys(value).filter((name) => name !== 'services') : [];
  if (rest.length > 0) throw new AppError('usage_invalid', `${path}: ${rest[0]} is not a member beside services`);
  return found.map((service, index) => {
    if (isTree(service) && typeof service.serviceName === 'string' && isTree(service.container)) {
      return service as ServiceRequest;
    }
    throw new AppError('usage_invalid', `${path}: services[${index}] has no serviceName and container`);
  });
}

type ReadDocument = { path: string; value: unknown };

async function readCompose(documents: readonly ReadDocument[], options: ReadOptions): Promise<Definition> {
  const folder = folderOf(documents[0]!.path);
  const variables = { ...(await readEnvFile(join(folder, '.env'), false)), ...options.environment };
  const notes: Note[] = [];
  const prepare = createPreparation(variables, notes);
  let merged: Tree = {};
  for (const { path, value } of documents) merged = mergeTrees(merged, await prepare(path, value));
  const { services, name, version: _old, ...top } = merged;
  const chosen = Object.entries((services ?? {}) as Record<string, Tree>).filter(([service, raw]) =>
    isChosen(service, raw, options.profiles, notes),
  );
  const dependencies = new Map(chosen.map(([service, raw]) => [service, toDependencies(raw.depends_on)]));
  checkDependencies(dependencies, Object.keys((services ?? {}) as Tree));
  const jobs = new Set(
    [...dependencies.values()].flatMap((of) =>
      Object.entries(of)
        .filter(([, { condition }]) => condition === 'service_completed_successfully')
        .map(([other]) => other),
    ),
  );
  const converted: ServiceRequest[] = [];
  for (const [service, raw] of chosen) {
    const environment = await environmentOf(service, raw, variables);
    const { request, notes: ofService } = toService(service, raw, { environment, isJob: jobs.has(service) });
    converted.push(request);
    notes.push(...ofService);
  }
  notes.push(...notesOfTop(top, notes));
  return {
    project: options.project ?? (typeof name === 'string' ? name : projectOf(folder, options.environment)),
    services: converted,
    dependencies: new Map([...dependencies].map(([service, of]) => [service, Object.keys(of)])),
    notes,
  };
}

/** Those on services that are not chosen count as met. @throws AppError `usage_invalid`: one names no service, or they go round in a circle */
function checkDependencies(
  dependencies: ReadonlyMap<string, Record<string, Dependency>>,
  all: readonly string[],
): void {
  for (const [service, of] of dependencies) {
    const unknown = Object.entries(of).find(([other, { required }]) => required !== false && !all.includes(other));
    if (unknown === undefined) continue;
    throw new AppError('usage_invalid', `services.${service}.depends_on: there is no service ${unknown[0]}`);
  }
  startGroups(new Map([...dependencies].map(([service, of]) => [service, Object.keys(of)])));
}

const folderOf = (path: string) => (path === '-' ? process.cwd() : dirname(resolve(path)));

const projectOf = (folder: string, { COMPOSE_PROJECT_NAME: given }: Variables): string =>
  given ||
  basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '') ||
  'default';

/** A file with its variables put in, found valid, its services extended and its paths made absolute. */
function createPreparation(variables: Variables, notes: Note[]) {
  const unset = new Set<string>();
  const onUnset = (name: string) => {
    if (unset.has(name)) return;
    unset.add(name);
    notes.push({
      field: `\${${name}}`,
      why: 'the variable is not set, and the file has no default: it is empty',
      isEssential: false,
    });
  };
  const prepare = async (path: string, value: unknown, depth = 0): Promise<Tree> => {
    const tree = interpolateTree(value, variables, onUnset) as Tree;
    validateCompose(path, tree);
    const services = (tree.services ?? {}) as Record<string, Tree>;
    for (const raw of Object.values(services)) resolveEnvFiles(raw, folderOf(path));
    const extended: Record<string, Tree> = {};
    for (const name of Object.keys(services)) extended[name] = await extend(path, services, name, depth);
    return { ...tree, services: extended };
  };
  const extend = async (path: string, services: Record<string, Tree>, name: string, depth: number): Promise<Tree> => {
    const raw = services[name];
    if (!raw) throw new AppError('usage_invalid', `${path}: services.${name} is extended, and there is none`);
    if (raw.extends === undefined) return raw;
    if (depth >= extendsDepthMax)
      throw new AppError('usage_invalid', `${path}: services.${name}.extends goes round in a circle`);
    const { extends: given, ...own } = raw;
    const { service, file } = (isTree(given) ? given : { service: given }) as { service: string; file?: string };
    if (file === undefined) return mergeTrees(await extend(path, services, service, depth + 1), own);
    const other = join(folderOf(path), file);
    const [document] = parseDocuments(other, await readText(other));
    const base = ((await prepare(other, document, depth + 1)).services as Record<string, Tree>)[service];
    if (!base) throw new AppError('usage_invalid', `${other}: services.${service} is extended, and there is none`);
    return mergeTrees(base, own);
  };
  return prepare;
}

function resolveEnvFiles(raw: Tree, folder: string): void {
  if (raw.env_file === undefined) return;
  raw.env_file = toList(raw.env_file).map((given) => {
    const { path, required = true } = (isTree(given) ? given : { path: given }) as { path: string; required?: boolean };
    return { path: resolve(folder, path), required };
  });
}

/** Files in their order, then `environment`; a name without a value has that of the shell, or is left out. */
async function environmentOf(service: string, raw: Tree, variables: Variables): Promise<Record<string, string>> {
  const files = (raw.env_file ?? []) as { path: string; required: boolean }[];
  const found: Record<string, string> = {};
  for (const { path, required } of files) {
    const read = await readEnvFile(path, required).catch((error) => {
      throw hasCode(error, 'file_missing') ? missing(path, `services.${service}.env_file: `) : error;
    });
    Object.assign(found, read);
  }
  for (const [name, value] of Object.entries(toMap(raw.environment))) {
    const known = value ?? variables[name];
    if (known !== undefined) found[name] = known;
  }
  return found;
}

/** @throws as `readText`, when it has to be there */
async function readEnvFile(path: string, isRequired: boolean): Promise<Record<string, string>> {
  try {
    return { ...parseEnv(await readText(path)) } as Record<string, string>;
  } catch (error) {
    if (isRequired || !hasCode(error, 'file_missing')) throw error;
    return {};
  }
}

function isChosen(service: string, { profiles }: Tree, wanted: readonly string[], notes: Note[]): boolean {
  const own = toList(profiles).map(String);
  if (own.length === 0 || own.some((profile) => wanted.includes(profile))) return true;
  notes.push({
    field: `services.${service}`,
    why: `it is of the profile ${own.join(', ')}: --profile chooses it`,
    isEssential: false,
  });
  return false;
}
