/** Defines the members of a container in requests that its engine enforces: who it runs as, what it may use, where it writes. */

import { type Static, type TNull, type TOptional, type TSchema, type TUnion, Type } from '@sinclair/typebox';
import {
  engineCapabilities,
  fileLogDrivers,
  loggingDefault,
  nofileMax,
  optionDefaults,
  stopSignals,
  sysctlNames,
  type UlimitName,
  ulimitNames,
  unlimited,
} from '../../model/container-options.ts';
import { AbsolutePath, DevicePath, MountPath } from '../../model/host-paths.ts';
import { openMapEntriesMax } from '../../reconciler/commands/named-entries.ts';
import { nullable, oneOf, strict } from '../schema/schema.ts';

/** Docker refuses to start a container with less. */
const memoryBytesMin = 6 * 1024 * 1024;
/** The kernel hands out no less than a millisecond in a tenth of a second. */
const cpusMin = 0.01;
/** More than any machine has, and far below 2^53, where integers lose their precision. */
const memoryBytesMax = 2 ** 50;
/** Of tmpfs, binds and devices, each. */
const mountsMax = 32;
/** A program of a few threads needs them. */
const pidsMin = 16;
/** Below it a file would be turned over with every few lines; above it a node's disk is filled by few containers. */
const logFileBytes = { minimum: 16 * 1024, maximum: 2 ** 30 };
const logFilesMax = 20;
/** As many as a resolver reads. */
const dnsServersMax = 3;
const dnsSearchMax = 6;
const pageBytes = 4_096;

/** An object with names of its own. TypeBox's Record would drop names that break the rule without a refusal. */
export const openMap = <V extends TSchema>(names: TSchema, values: V) =>
  Type.Unsafe<Record<string, Static<V>>>({
    type: 'object',
    propertyNames: names,
    additionalProperties: values,
    maxProperties: openMapEntriesMax,
  });

const amounts = {
  memoryBytes: Type.Optional(
    nullable(
      Type.Integer({ minimum: memoryBytesMin, maximum: memoryBytesMax }),
      `null or a whole number of bytes from ${memoryBytesMin} to ${memoryBytesMax}`,
    ),
  ),
  cpus: Type.Optional(
    nullable(Type.Number({ minimum: cpusMin, maximum: 1024 }), `null or a number of CPUs from ${cpusMin} to 1024`),
  ),
};
const Amounts = Type.Object(amounts, { ...strict, description: 'an object of memoryBytes and cpus' });

/** The amounts are the limits, and `limit` is another way to write them. */
export const ResourcesBody = Type.Object(
  {
    ...amounts,
    limit: Type.Optional(Amounts),
    reserve: Type.Optional(nullable(Amounts, 'null or an object of memoryBytes and cpus: what placement counts')),
  },
  strict,
);
export type ResourcesBody = Static<typeof ResourcesBody>;

/** The greatest of a user or group is 2147483647. */
const id = (() => {
  const below = ['1\\d{9}', '20\\d{8}', '21[0-3]\\d{7}', '214[0-6]\\d{6}', '2147[0-3]\\d{5}', '21474[0-7]\\d{4}'];
  const last = ['214748[0-2]\\d{3}', '2147483[0-5]\\d{2}', '21474836[0-3]\\d', '214748364[0-7]'];
  return `(?:\\d{1,9}|${[...below, ...last].join('|')})`;
})();
const nameOrId = `(?:[a-zA-Z_][a-zA-Z0-9_.-]{0,31}|${id})`;

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const hostName = (maxLength: number) => ({
  pattern: `^${label}(?:\\.${label})*$`,
  maxLength,
  description: `a host name of at most ${maxLength} characters`,
});

const Address = Type.Unsafe<string>({
  anyOf: [
    { type: 'string', format: 'ipv4' },
    { type: 'string', format: 'ipv6' },
  ],
  description: 'an IP address',
});

const Tmpfs = Type.Object(
  {
    path: MountPath,
    sizeBytes: Type.Optional(Type.Integer({ minimum: pageBytes, maximum: memoryBytesMax })),
    mode: Type.Optional(
      Type.String({ pattern: '^[01]?[0-7]{3}$', maxLength: 4, description: 'an octal mode such as "1777" or "700"' }),
    ),
  },
  strict,
);

const Bind = Type.Object({ source: AbsolutePath, target: MountPath, readOnly: Type.Optional(Type.Boolean()) }, strict);

const Capabilities = (description: string) =>
  Type.Array(Type.String({ pattern: '^(?:CAP_)?[A-Z][A-Z_]{1,30}$', maxLength: 36, description }), {
    maxItems: 2 * engineCapabilities.length,
    uniqueItems: true,
  });

const ulimitOf = (name: UlimitName) => {
  const maximum = name === 'nofile' ? nofileMax : Number.MAX_SAFE_INTEGER;
  const minimum = name === 'nofile' ? 0 : unlimited;
  return Type.Object(
    { soft: Type.Integer({ minimum, maximum }), hard: Type.Integer({ minimum, maximum }) },
    { ...strict, description: `an object of soft and hard${minimum === unlimited ? ', where -1 is no limit' : ''}` },
  );
};
type Ulimit = Static<ReturnType<typeof ulimitOf>>;

const ulimits = <S extends Ulimit | null>(schemaOf: (name: UlimitName) => TSchema) =>
  Type.Unsafe<Partial<Record<UlimitName, S>>>(
    Type.Object(Object.fromEntries(ulimitNames.map((name) => [name, Type.Optional(schemaOf(name))])), strict),
  );

const SysctlValue = Type.Unsafe<string | number>({
  anyOf: [
    { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    { type: 'string', pattern: '^\\d{1,20}(?: \\d{1,20}){0,3}$', maxLength: 83 },
  ],
  description: 'a whole number, or several in a text with a space between them',
});
const sysctlName = oneOf(sysctlNames, `a setting that a container has for itself: ${sysctlNames.join(', ')}`);

const Dns = Type.Object(
  {
    servers: Type.Optional(Type.Array(Address, { maxItems: dnsServersMax, uniqueItems: true })),
    search: Type.Optional(
      Type.Array(
        Type.String({
          pattern: `^(?:\\.|${label}(?:\\.${label})*)$`,
          maxLength: 253,
          description: 'a domain, or "." for none',
        }),
        { maxItems: dnsSearchMax, uniqueItems: true },
      ),
    ),
    options: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^(?:(?:ndots|timeout|attempts):\\d{1,2}|[a-z][a-z0-9-]{1,30})$',
          maxLength: 32,
          description: 'an option of the resolver such as ndots:2, timeout:1 or rotate',
        }),
        { maxItems: 8, uniqueItems: true },
      ),
    ),
  },
  strict,
);

const Logging = Type.Object(
  {
    driver: Type.Optional(oneOf([...fileLogDrivers, 'none'], 'json-file, local or none')),
    maxSizeBytes: Type.Optional(Type.Integer(logFileBytes)),
    maxFiles: Type.Optional(Type.Integer({ minimum: 1, maximum: logFilesMax })),
  },
  { ...strict, description: `of two files of ${loggingDefault.maxSizeBytes} bytes by default` },
);

/** Each with what a refusal says of it, where its own description does not. */
const plain = {
  user: Type.String({
    pattern: `^${nameOrId}(?::${nameOrId})?$`,
    maxLength: 65,
    description: 'a user name or id, and after a colon a group name or id',
  }),
  workdir: AbsolutePath,
  init: Type.Boolean(),
  readOnly: Type.Boolean(),
  tmpfs: Type.Array(Tmpfs, { maxItems: mountsMax }),
  capAdd: Capabilities('a capability of Linux such as NET_RAW'),
  capDrop: Capabilities('a capability of Linux such as CHOWN, or ALL'),
  stopSignal: oneOf(stopSignals),
  hostname: Type.String(hostName(63)),
  pidsLimit: Type.Integer({ minimum: pidsMin, maximum: optionDefaults.pidsLimit }),
  shmSizeBytes: Type.Integer({ minimum: pageBytes, maximum: memoryBytesMax }),
  binds: Type.Array(Bind, { maxItems: mountsMax }),
  devices: Type.Array(DevicePath, { maxItems: mountsMax, uniqueItems: true }),
  dns: Dns,
  logging: Logging,
};
const hosts = Type.String(hostName(253));

type Optional<T extends Record<string, TSchema>> = { [K in keyof T]: TOptional<T[K]> };
const optional = <T extends Record<string, TSchema>>(members: T) =>
  Object.fromEntries(Object.entries(members).map(([name, schema]) => [name, Type.Optional(schema)])) as Optional<T>;

export const optionMembers = {
  ...optional(plain),
  ulimits: Type.Optional(ulimits<Ulimit>(ulimitOf)),
  sysctls: Type.Optional(openMap(sysctlName, SysctlValue)),
  extraHosts: Type.Optional(openMap(hosts, Address)),
};

type Nullable<T extends Record<string, TSchema>> = { [K in keyof T]: TUnion<[T[K], TNull]> };
const orNull = <T extends Record<string, TSchema>>(members: T) =>
  Object.fromEntries(
    Object.entries(members).map(([name, schema]) => [name, nullable(schema, describeOrNull(schema))]),
  ) as Nullable<T>;
const describeOrNull = ({ description, type, items }: TSchema) =>
  `null or ${description ?? (items ? `a list of ${items.description ?? 'objects'}` : `a value of type ${type}`)}`;

/** Of a partial edit: null is the default again; in maps it removes a name. */
export const optionPatchMembers = {
  ...optional(orNull(plain)),
  ulimits: Type.Optional(
    nullable(ulimits<Ulimit | null>((name) => nullable(ulimitOf(name), 'null, or soft and hard'))),
  ),
  sysctls: Type.Optional(
    nullable(openMap(sysctlName, nullable(SysctlValue, `null or ${SysctlValue.description}`)), 'null or an object'),
  ),
  extraHosts: Type.Optional(nullable(openMap(hosts, nullable(Address, 'null or an IP address')), 'null or an object')),
};

const OptionsBody = Type.Object(optionMembers, strict);
export type OptionsBody = Static<typeof OptionsBody>;
const OptionsPatchBody = Type.Object(optionPatchMembers, strict);
export type OptionsPatchBody = Static<typeof OptionsPatchBody>;
