/** What of a compose file cannot be honoured, each by its field and with the reason. Nothing is dropped in silence. */

export type Note = {
  /** `services.web.networks` */
  field: string;
  why: string;
  /** Without it the containers would not do what the file says: the file is refused, unless the caller takes it as it is. */
  isEssential: boolean;
};

type Rule = readonly [why: string, essential?: 'essential'];

const mode = 'how users, namespaces and devices are shared is not for a service to say';
const noNetworks = 'services have no network of their own: they reach each other by published ports';
const noConfigs =
  'files are not brought to nodes: environment holds what is short, the image or a bind (agent --allow-bind) the rest';
const noSecrets =
  'files are not brought to nodes: env {"NAME": {"secret": "x"}}, in a file of services as POST /service takes them, has what the file x in CO_SECRETS_DIR of the node says';
const noModels = 'only containers are run';
/** What to do instead of a volume. */
export const bindInstead =
  'bind a folder of the node, as /srv/data:/data, that its agent allows by --allow-bind /srv/data';

/** Members of a service. */
const ofService: Readonly<Record<string, Rule>> = {
  annotations: ['containers have labels only'],
  attach: ['coctl does not attach to containers'],
  blkio_config: ['disk traffic is not limited', 'essential'],
  build: ['images are not built here: image names one that the nodes can pull', 'essential'],
  cgroup: [mode],
  cgroup_parent: [mode, 'essential'],
  configs: [noConfigs, 'essential'],
  container_name: ['replicas have names of their own'],
  cpuset: ['processors are not chosen by number'],
  cpu_shares: ['deploy.resources says how many CPUs'],
  credential_spec: [mode, 'essential'],
  device_cgroup_rules: ['devices names each device', 'essential'],
  develop: ['it is for a developer machine'],
  domainname: ['hostname is the name of a container'],
  expose: ['a port is published by ports, and needs no announcement'],
  external_links: ['services have no network of their own', 'essential'],
  gpus: ['graphics processors are not handed out', 'essential'],
  group_add: ['user names one group', 'essential'],
  ipc: [mode, 'essential'],
  isolation: [mode],
  label_file: ['labels has them', 'essential'],
  links: [noNetworks, 'essential'],
  mac_address: ['it is given by the engine'],
  mem_swappiness: ['it is the setting of the node'],
  memswap_limit: ['it is the setting of the node'],
  network_mode: ['containers are on the bridge network of their node', 'essential'],
  networks: [noNetworks],
  oom_kill_disable: ['a container at its limit is ended', 'essential'],
  oom_score_adj: ['resources.limits.memory is its own limit'],
  pid: [mode, 'essential'],
  platform: ['an image is pulled for the platform of its node'],
  post_start: ['there are no hooks', 'essential'],
  pre_stop: ['there are no hooks', 'essential'],
  privileged: ['it gives a container the whole machine: cap_add, devices and volumes name what it needs', 'essential'],
  provider: ['only containers are run', 'essential'],
  models: [noModels, 'essential'],
  runtime: ['which runtime runs containers is the setting of the engine', 'essential'],
  secrets: [noSecrets, 'essential'],
  security_opt: ['what confines containers is always on'],
  stdin_open: ['containers have no standard input'],
  storage_opt: ['the size of a container is not limited'],
  tty: ['containers have no terminal'],
  use_api_socket: ['it gives a container the whole machine', 'essential'],
  userns_mode: [mode],
  uts: [mode],
  volumes_from: ['containers come and go', 'essential'],
};

/** Beside the services, for them to name. */
const shared: Readonly<Record<string, string>> = {
  networks: noNetworks,
  volumes: `there are no volumes: ${bindInstead}`,
  configs: noConfigs,
  secrets: noSecrets,
  models: noModels,
};

const unknown: Rule = ['there is nothing like it'];

/** Extensions of a project are its own. */
const isExtension = (name: string) => name.startsWith('x-');
/** `privileged: false` asks for nothing. */
const asksForNothing = (value: unknown) =>
  value === false || value === null || value === undefined || (Array.isArray(value) && value.length === 0);

/** @param rest the members that no part of a service was made of */
export function notesOfService(path: string, rest: Readonly<Record<string, unknown>>): Note[] {
  return Object.entries(rest)
    .filter(([name, value]) => !isExtension(name) && !asksForNothing(value))
    .map(([name]) => {
      const [why, essential] = ofService[name] ?? unknown;
      return { field: `${path}.${name}`, why, isEssential: essential !== undefined };
    });
}

/** Of a member that has parts, those that are not known. */
export function notesOfRest(path: string, rest: Readonly<Record<string, unknown>>, why: string): Note[] {
  return Object.entries(rest)
    .filter(([name, value]) => !isExtension(name) && !asksForNothing(value))
    .map(([name]) => ({ field: `${path}.${name}`, why, isEssential: false }));
}

/**
 * Of what stands beside the services. What one of them names is said there.
 * @param ofServices the notes of the services
 */
export function notesOfTop(top: Readonly<Record<string, unknown>>, ofServices: readonly Note[]): Note[] {
  const isSaid = (name: string) =>
    ofServices.some(({ field }) => new RegExp(`^services\\.[^.]+\\.${name}(?:\\[\\d+\\])?$`).test(field));
  return Object.entries(top).flatMap(([field, value]): Note[] => {
    if (field === 'include') return [{ field, why: 'give each file with -f', isEssential: true }];
    const why = shared[field];
    if (why === undefined) return isExtension(field) ? [] : [{ field, why: unknown[0], isEssential: true }];
    const isEmpty = typeof value !== 'object' || value === null || Object.keys(value).length === 0;
    return isEmpty || isSaid(field) ? [] : [{ field, why, isEssential: false }];
  });
}
