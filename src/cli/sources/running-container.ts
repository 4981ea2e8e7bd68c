/** Which container a person means: by its id, or by its slot, which keeps its name when the container is replaced. */

import { AppError } from '../../errors.ts';
import type { ContainerStateBody } from '../../projections/rows/state-bodies.ts';
import type { Api } from './api.ts';
import { checkSubjectName, isContainer, slotOf } from './subject-name.ts';

/**
 * @param name `web.1-4k`, or `web.1` for the one that runs there
 * @throws AppError `usage_invalid` · `container_not_found`
 */
export async function runningContainer(api: Api, name: string): Promise<string> {
  if (!isContainer(name)) {
    throw new AppError('usage_invalid', `${name} is no container: name one by its slot, such as ${name}.1, or its id`);
  }
  const found = slotOf(name);
  if (found === null) {
    checkSubjectName(name);
    return name;
  }
  const { service, slot } = found;
  const { containers } = await api.get<ContainerStateBody>(`/container_state?${new URLSearchParams({ service })}`);
  const running = containers.filter((one) => one.slot === slot && one.state === 'running').at(-1);
  if (running) return running.container;
  throw new AppError('container_not_found', `no container runs in ${name}: coctl ps ${service} says which there are`);
}
