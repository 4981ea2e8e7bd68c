/** Defines the bodies of requests for services: each member, its limit, and the description that a refusal quotes. */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { NodeId, ServiceName } from '../../model/ids.ts';
import { labels } from '../../model/naming.ts';
import { Replicas } from '../../model/service.ts';
import { openMapEntriesMax } from '../../reconciler/commands/patch-spec.ts';
import { serviceMembers } from '../schema/rows.ts';
import { named, nullable, oneOf, position, ref, strict, time } from '../schema/schema.ts';
import { HealthBody, HealthPatch, RestartBody, releaseComponents, UpdateBody } from './release-schema.ts';

/** The log's limit on the events of one append: all services of a body are one commit. */
const servicesMax = 500;
const argumentsMax = 256;
/** Of one text; a spec as a whole has a limit of its own. */
const textCharactersMax = 32_768;
const portsMax = 64;
/** Docker refuses to start a container with less. */
const memoryBytesMin = 6 * 1024 * 1024;
/** The kernel hands out no less than a millisecond in a tenth of a second. */
const cpusMin = 0.01;
/** More than any machine has, and far below 2^53, where integers lose their precision. */
const memoryBytesMax = 2 ** 50;

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

/** An object with names of its own. TypeBox's Record would drop names that break the rule without a refusal. */
const openMap = <V extends TSchema>(names: TSchema, values: V) =>
  Type.Unsafe<Record<string, Static<V>>>({
    type: 'object',
    propertyNames: names,
    additionalProperties: values,
    maxProperties: openMapEntriesMax,
  });

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

const Resources = Type.Object(
  {
    memoryBytes: Type.Optional(
      nullable(
        Type.Integer({ minimum: memoryBytesMin, maximum: memoryBytesMax }),
        `null or a whole number of bytes from ${memoryBytesMin} to ${memoryBytesMax}`,
      ),
    ),
    cpus: Type.Optional(
      nullable(Type.Number({ minimum: cpusMin, maximum: 1024 }), `null or a number of CPUs from ${cpusMin} to 1024`),
    ),
  },
  strict,
);

const members = {
  name: Type.Optional(ContainerName),
  image: Image,
  command: Type.Optional(Arguments),
  args: Type.Optional(Arguments),
  env: Type.Optional(openMap(envName, EnvValue)),
  ports: Type.Optional(Type.Array(Port, { maxItems: portsMax, uniqueItems: true })),
  labels: Type.Optional(openMap(labelName, LabelValue)),
  resources: Type.Optional(Resources),
  stopTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
  pull: Type.Optional(oneOf(['missing', 'always', 'never'], 'missing, always or never: when the registry is asked')),
};

/** The whole container spec: a member that is left out gets its default. */
export const ContainerBody = Type.Object(members, { ...strict, $id: 'ContainerSpec' });
export type ContainerBody = Static<typeof ContainerBody>;

const releaseMembers = {
  health: Type.Optional(HealthBody),
  update: Type.Optional(ref<UpdateBody>(UpdateBody)),
  restart: Type.Optional(ref<RestartBody>(RestartBody)),
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
    examples: [{ services: [{ serviceName: 'web', replicas: 3, container }] }],
  },
);

/** A partial edit: a member that is left out stays as it is; in env and labels `null` removes a name. */
export const ContainerPatchBody = Type.Object(
  {
    ...members,
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
    update: Type.Optional(nullable(ref<UpdateBody>(UpdateBody), 'null or an update policy')),
    restart: Type.Optional(nullable(ref<RestartBody>(RestartBody), 'null or a restart policy')),
  },
  {
    ...strict,
    $id: 'ServicePatch',
    minProperties: 1,
    description:
      'Changes the members it has. In env and labels null removes a name; health, update and restart are the default again with null.',
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
  nodes: Type.Array(Type.Object({ node: Type.String(), availability: oneOf(availabilities) }, strict)),
});
export type AcceptedNodes = Static<typeof AcceptedNodes>;

/** Its container can be sent again as it is. */
export const ServiceDetail = named('Service', {
  ...serviceMembers,
  container: ref<ContainerBody>(ContainerBody),
  ...releaseMembers,
});
export type ServiceDetail = Static<typeof ServiceDetail>;

const generationOutcomes = ['converged', 'failed', 'in progress', 'paused', 'superseded'] as const;

/** Each can be sent again as it is, but for what says how it went. */
export const GenerationsAnswer = named('Generations', {
  serviceName: Type.String(),
  generations: Type.Array(
    Type.Object(
      {
        generation: Type.Integer({ minimum: 1 }),
        at: time,
        actor: Type.String({ description: 'who asked for it' }),
        replicas: Replicas,
        rollbackTo: nullable(Type.Integer(), 'the generation whose spec it is again'),
        outcome: oneOf(generationOutcomes),
        convergedAfterMs: nullable(Type.Integer(), 'from the request on'),
        reason: nullable(Type.String(), 'why it failed or is paused'),
        imageDigest: nullable(
          Type.String(),
          'what its image means; null when it has none, or that is not known any more',
        ),
        container: ref<ContainerBody>(ContainerBody),
        ...releaseMembers,
      },
      strict,
    ),
    { description: 'newest first' },
  ),
});
export type GenerationsAnswer = Static<typeof GenerationsAnswer>;

export const specComponents: readonly TSchema[] = [
  ...[ContainerBody, ServiceBody, ApplyBody],
  ...[ContainerPatchBody, PatchBody],
  ...releaseComponents,
];
