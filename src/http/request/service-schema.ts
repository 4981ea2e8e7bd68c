/** Defines the bodies of requests for services: each member, its limit, and the description that a refusal quotes. */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { NodeId, ServiceName } from '../../model/ids.ts';
import { labels } from '../../model/naming.ts';
import { NodeLabels } from '../../model/node.ts';
import { Replicas } from '../../model/service.ts';
import { runsMember, serviceMembers } from '../schema/rows.ts';
import { named, nullable, oneOf, position, ref, strict, time } from '../schema/schema.ts';
import { openMap, optionMembers, optionPatchMembers, ResourcesBody } from './options-schema.ts';
import { PlacementBody, placementComponents, RebalanceBody } from './placement-schema.ts';
import {
  HealthBody,
  HealthPatch,
  JobBody,
  ModeBody,
  OnDisconnectBody,
  RestartBody,
  releaseComponents,
  ScheduleBody,
  UpdateBody,
} from './release-schema.ts';

/** The log's limit on the events of one append: all services of a body are one commit. */
const servicesMax = 500;
const argumentsMax = 256;
/** Of one text; a spec as a whole has a limit of its own. */
const textCharactersMax = 32_768;
const portsMax = 64;
/**
 * No control characters but tab and line ends, no characters that change the direction of text, no unpaired surrogate
 * (UTF-8 cannot encode it, so the hash of the text would differ after it was stored).
 */
const plainText =
  '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]*$';
const text = (maxLength: number) =>
  Type.String({ pattern: plainText, maxLength, description: 'text without control characters' });

/** Docker's reference grammar: [host[:port]/]path[:tag][@digest]. */
const imagePattern = (() => {
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
  const host = `${label}(?:\\.${label})*(?::[0-9]{1,5})?`;
  const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
  const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128}';
  return `^(?:${host}/)?${part}(?:/${part})*(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(?:@${digest})?$`;
})();

/** A host, which has a dot or a port or is localhost, may have capitals, and so may a tag. */
const lowerCasePattern = '^(?:(?:[^/]*[.:][^/]*|localhost)/)?[^A-Z:@]*(?:[:@].*)?$';

/** The first rule that is broken is the one that is named. */
const Image = Type.Unsafe<string>({
  type: 'string',
  minLength: 1,
  maxLength: 512,
  allOf: [
    { pattern: lowerCasePattern, description: 'an image whose repository name is lower-case' },
    {
      pattern: imagePattern,
      description: 'an image reference such as nginx, nginx:1.27 or registry.example:5000/team/app@sha256:…',
    },
  ],
});

export const ServiceNameParam = Type.String({
  ...ServiceName,
  description: 'a DNS label: at most 63 lower-case letters, digits and hyphens, no hyphen at either end',
});
export const NodeParam = Type.String({ ...NodeId, description: ServiceNameParam.description as string });

const escapeDots = (name: string) => name.replaceAll('.', '\\.');

const ContainerName = Type.String({
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$',
  maxLength: 63,
  description: 'at most 63 letters, digits, dots, underscores and hyphens, a letter or digit first',
});

/** What the kernel and the engine take: everything but what ends a name or a text. */
const envName = Type.String({
  minLength: 1,
  pattern: '^[^=\\u0000\\ud800-\\udfff]+$',
  maxLength: textCharactersMax,
  description: 'the name of an environment variable: any text without = and NUL',
});
/** The engine takes any text. Labels are how people reach an ingress: only the names that we set are taken. */
const labelName = Type.String({
  minLength: 1,
  pattern: `^(?!(?:${Object.values(labels).map(escapeDots).join('|')})$)${plainText.slice(1, -2)}+$`,
  maxLength: textCharactersMax,
  description: `a label name: text without control characters, and none of ${Object.values(labels).join(', ')}`,
});
const secretName = Type.String({
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$',
  maxLength: 128,
  description: 'the name of a secret: letters, digits, dots, underscores and hyphens',
});

const EnvValue = Type.Union([text(textCharactersMax), Type.Object({ secret: secretName }, strict)], {
  description: 'text without control characters, or {"secret": "<name>"}',
});
const LabelValue = text(textCharactersMax);

const Arguments = nullable(
  Type.Array(text(textCharactersMax), { maxItems: argumentsMax }),
  `null or at most ${argumentsMax} texts`,
);

const Port = Type.Object(
  {
    container: Type.Integer({ minimum: 1, maximum: 65_535 }),
    host: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 65_535 }), 'null or a port from 1 to 65535')),
    protocol: Type.Optional(oneOf(['tcp', 'udp'], 'tcp or udp')),
  },
  strict,
);

const members = {
  name: Type.Optional(ContainerName),
  image: Image,
  command: Type.Optional(Arguments),
  /** Another name of `command`. */
  entrypoint: Type.Optional(Arguments),
  args: Type.Optional(Arguments),
  env: Type.Optional(openMap(envName, EnvValue)),
  ports: Type.Optional(Type.Array(Port, { maxItems: portsMax, uniqueItems: true })),
  labels: Type.Optional(openMap(labelName, LabelValue)),
  resources: Type.Optional(ResourcesBody),
  stopTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
  pull: Type.Optional(oneOf(['missing', 'always', 'never'], 'missing, always or never: when the registry is asked')),
  pausedGraceSeconds: Type.Optional(
    nullable(
      Type.Integer({ minimum: 1, maximum: 3600 }),
      'null or from 1 to 3600: how long it may be paused on its engine before it is unhealthy; null: for ever',
    ),
  ),
};

/** The whole container spec: a member that is left out gets its default. */
export const ContainerBody = Type.Object({ ...members, ...optionMembers }, { ...strict, $id: 'ContainerSpec' });
export type ContainerBody = Static<typeof ContainerBody>;

/** Beside the container, each as a request has it. */
export const releaseMembers = {
  mode: Type.Optional(ModeBody),
  job: Type.Optional(ref<JobBody>(JobBody)),
  schedule: Type.Optional(ref<ScheduleBody>(ScheduleBody)),
  health: Type.Optional(HealthBody),
  update: Type.Optional(ref<UpdateBody>(UpdateBody)),
  restart: Type.Optional(ref<RestartBody>(RestartBody)),
  placement: Type.Optional(ref<PlacementBody>(PlacementBody)),
  rebalance: Type.Optional(ref<RebalanceBody>(RebalanceBody)),
  onDisconnect: Type.Optional(OnDisconnectBody),
};

const ServiceBody = named('ServiceSpec', {
  serviceName: ServiceNameParam,
  replicas: Type.Optional(Replicas),
  container: ref<ContainerBody>(ContainerBody),
  ...releaseMembers,
});
export type ServiceBody = Static<typeof ServiceBody>;

const container = { name: 'web', image: 'nginx:1.27', env: { MODE: 'production' }, ports: [{ container: 80 }] };

export const ApplyBody = Type.Object(
  { services: Type.Array(ref<ServiceBody>(ServiceBody), { minItems: 1, maxItems: servicesMax }) },
  {
    ...strict,
    $id: 'ApplyRequest',
    description: 'Creates or edits services. All services of a body are changed in one commit.',
    examples: [
      { services: [{ serviceName: 'web', replicas: 3, container }] },
      {
        services: [
          {
            ...{ serviceName: 'backup', mode: 'job', schedule: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' } },
            container: { image: 'backup:1' },
          },
        ],
      },
      {
        services: [{ serviceName: 'migrate', mode: 'job', job: { maxAttempts: 5 }, container: { image: 'web:1.27' } }],
      },
    ],
  },
);

/** A partial edit: a member that is left out stays as it is; in maps `null` removes a name, elsewhere it is the default again. */
export const ContainerPatchBody = Type.Object(
  {
    ...members,
    ...optionPatchMembers,
    image: Type.Optional(Image),
    env: Type.Optional(
      openMap(
        envName,
        Type.Union([...EnvValue.anyOf, Type.Null()], { description: `${EnvValue.description}, or null` }),
      ),
    ),
    labels: Type.Optional(openMap(labelName, nullable(LabelValue, 'text without control characters, or null'))),
  },
  { ...strict, $id: 'ContainerPatch', minProperties: 1 },
);
export type ContainerPatchBody = Static<typeof ContainerPatchBody>;

export const PatchBody = Type.Object(
  {
    replicas: Type.Optional(Replicas),
    container: Type.Optional(ref<ContainerPatchBody>(ContainerPatchBody)),
    health: Type.Optional(HealthPatch),
    job: Type.Optional(nullable(ref<JobBody>(JobBody), 'null or what a run of a job is')),
    schedule: Type.Optional(nullable(ref<ScheduleBody>(ScheduleBody), 'null, for no schedule, or a whole one')),
    update: Type.Optional(nullable(ref<UpdateBody>(UpdateBody), 'null or an update policy')),
    restart: Type.Optional(nullable(ref<RestartBody>(RestartBody), 'null or a restart policy')),
    placement: Type.Optional(nullable(ref<PlacementBody>(PlacementBody), 'null or a whole placement')),
    rebalance: Type.Optional(nullable(ref<RebalanceBody>(RebalanceBody), 'null or how it is kept balanced')),
    onDisconnect: Type.Optional(nullable(OnDisconnectBody, 'null, lost or keep')),
  },
  {
    ...strict,
    $id: 'ServicePatch',
    minProperties: 1,
    description:
      'Changes the members it has. In maps null removes a name; what the engine enforces, health, job, update, restart, placement, rebalance and onDisconnect are the default again with null.',
    examples: [{ replicas: 5 }, { container: { image: 'nginx:1.28', env: { MODE: null } } }],
  },
);
export type PatchBody = Static<typeof PatchBody>;

export const NameParams = Type.Object({ name: Type.String({ ...ServiceNameParam, examples: ['web'] }) }, strict);
export const NodeParams = Type.Object({ id: Type.String({ ...NodeParam, examples: ['worker-1'] }) }, strict);

/** The response to every accepted change of services. */
export const AcceptedServices = named('AcceptedServices', {
  position,
  services: Type.Array(
    Type.Object(
      { serviceName: Type.String(), generation: Type.Integer({ minimum: 1 }), changed: Type.Boolean() },
      strict,
    ),
  ),
});
export type AcceptedServices = Static<typeof AcceptedServices>;

const availabilities = ['active', 'cordoned', 'draining', 'lost', 'removed'] as const;
export const AcceptedNodes = named('AcceptedNodes', {
  position,
  nodes: Type.Array(
    Type.Object(
      {
        node: Type.String(),
        availability: Type.Optional(oneOf(availabilities)),
        labels: Type.Optional(Type.Array(NodeLabels.items, { description: 'those that were set, all of them' })),
      },
      strict,
    ),
  ),
});
export type AcceptedNodes = Static<typeof AcceptedNodes>;

/** Its container can be sent again as it is. */
export const ServiceDetail = named('Service', {
  ...serviceMembers,
  container: ref<ContainerBody>(ContainerBody),
  ...releaseMembers,
  mode: serviceMembers.mode,
  runs: runsMember,
  nextRunAt: nullable(time, 'the next tick of its schedule; null without one'),
});
export type ServiceDetail = Static<typeof ServiceDetail>;

export const specComponents: readonly TSchema[] = [
  ...[ContainerBody, ServiceBody, ApplyBody],
  ...[ContainerPatchBody, PatchBody],
  ...[...releaseComponents, ...placementComponents],
];
