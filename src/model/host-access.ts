/** What of its machine the owner of a node lets containers use: folders and devices. Nothing, unless it is said. Pure. */

import { type Static, Type } from '@sinclair/typebox';
import type { ContainerOptions } from './container-options.ts';
import { isWithin } from './host-paths.ts';

/** As many folders, and as many devices, as a registration lists. */
export const hostAccessMax = 32;
/** Of one of them: a registration is one event. */
export const hostAccessPathMax = 256;

const Paths = Type.Array(Type.String({ pattern: '^/', maxLength: hostAccessPathMax }), { maxItems: hostAccessMax });

export const HostAccess = Type.Object(
  {
    /** Folders: containers may bind them and what is below. */
    binds: Paths,
    /** Devices, or folders of them below /dev. */
    devices: Paths,
  },
  { additionalProperties: false },
);
export type HostAccess = Static<typeof HostAccess>;

export const noHostAccess: HostAccess = Object.freeze({ binds: [], devices: [] });

/** The first folder of the host that a spec binds and a node does not allow; undefined: none. */
export const bindNotAllowed = ({ binds }: HostAccess, spec: ContainerOptions): string | undefined =>
  spec.binds?.find(({ source }) => !binds.some((folder) => isWithin(source, folder)))?.source;

/** The first device that a spec asks for and a node does not allow; undefined: none. */
export const deviceNotAllowed = ({ devices }: HostAccess, spec: ContainerOptions): string | undefined =>
  spec.devices?.find((device) => !devices.some((allowed) => isWithin(device, allowed)));
