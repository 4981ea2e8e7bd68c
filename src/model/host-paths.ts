/** Which paths specs and nodes may name. A path that is refused here reaches no engine. */

import { Type } from '@sinclair/typebox';

const pathCharactersMax = 1_024;

/** One or more parts, each after a slash: none empty, none `.` or `..`, no slash at the end, no control characters. */
const parts = '(?:/(?!\\.{1,2}(?:/|$))[^/\\u0000-\\u001f\\u007f]+)+';

const path = (pattern: string, description: string) =>
  Type.String({ pattern, maxLength: pathCharactersMax, description });

/** Of the host or of an image. */
export const AbsolutePath = path(`^(?:/|${parts})$`, 'an absolute path without empty parts, . and ..');

/** Where something is mounted in a container: not over what the kernel and the engine put there. */
export const MountPath = path(
  `^(?!/(?:proc|sys|dev)(?:/|$))${parts}$`,
  'an absolute path without empty parts, . and .., not / and not in /proc, /sys or /dev',
);

export const DevicePath = path(`^/dev${parts}$`, 'a path below /dev without empty parts, . and ..');

/** Both as above. Pure. */
export const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
