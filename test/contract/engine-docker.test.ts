/** The engine contract on Docker. */

import { randomUUID } from 'node:crypto';
import { createDockerEngine } from '../../src/agent/docker/docker-engine.ts';
import type { Engine } from '../../src/agent/engine/engine.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { dockerContainerName } from '../../src/model/naming.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage } from '../support/servers/images.ts';
import { type EngineUnderTest, testEngineContract } from './engine-contract.ts';
import { testEngineStreamsContract } from './engine-streams-contract.ts';

const open = async (): Promise<EngineUnderTest> => {
  const clusterId = randomUUID();
  const engines: Engine[] = [];
  return {
    kind: 'docker',
    engine(node) {
      const scope = { clusterId, clusterName: 'test', node };
      const engine = createDockerEngine({ clock: systemClock, logger: silentLogger }, { scope, address: dockerSocket });
      engines.push(engine);
      return engine;
    },
    image: testImage,
    missingImage: 'localhost:1/none:latest',
    async print(container, text) {
      const handle = openDocker().getContainer(dockerContainerName(clusterId, container));
      const exec = await handle.exec({ Cmd: ['sh', '-c', 'printf %s "$1" > /proc/1/fd/1', 'sh', text] });
      (await exec.start({ Detach: true })).resume();
    },
    async kill(container) {
      await openDocker().getContainer(dockerContainerName(clusterId, container)).kill({ signal: 'SIGKILL' });
    },
    async close() {
      await Promise.all(engines.map((engine) => engine.close()));
      await removeContainersOf(clusterId);
    },
  };
};

const whyNot = await whyNoDocker();
testEngineContract('docker', open, whyNot);
testEngineStreamsContract('docker', open, whyNot);
