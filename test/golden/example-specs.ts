/** The specs and policies of the example history. Those of events that stand in the golden file are never changed. */

import { healthCheckDefaults } from '../../src/model/health.ts';
import {
  type RestartPolicy,
  restartPolicyDefault,
  type UpdatePolicy,
  updatePolicyDefault,
} from '../../src/model/policy.ts';
import type { ContainerSpec } from '../../src/model/service.ts';

export const spec: ContainerSpec = {
  name: 'web',
  image: 'registry.example/web:1.2',
  command: ['serve'],
  args: ['--port', '8080'],
  env: [
    { name: 'KEY', secret: 'web-key' },
    { name: 'LEVEL', value: 'info, "quoted", grün' },
  ],
  ports: [{ container: 8080, host: null, protocol: 'tcp' }],
  labels: [{ name: 'team', value: 'shop' }],
  resources: { memoryBytes: 268_435_456, cpuMillis: 250 },
  stopTimeoutSeconds: 10,
};

export const checked: ContainerSpec = {
  ...spec,
  health: { kind: 'http', path: '/', port: 8080, status: null, ...healthCheckDefaults },
  restarts: 1,
};
export const withOptions: ContainerSpec = {
  ...spec,
  ...{ user: '1000:1000', workdir: '/app', init: false, readOnly: true, stopSignal: 'SIGQUIT', hostname: 'web' },
  resources: { ...spec.resources, reserve: { memoryBytes: 134_217_728, cpuMillis: null } },
  tmpfs: [{ path: '/tmp', sizeBytes: 1_048_576, mode: '1777' }],
  capAdd: ['NET_RAW'],
  capDrop: ['ALL'],
  ulimits: [{ name: 'nofile', soft: 1024, hard: 4096 }],
  sysctls: [{ name: 'net.core.somaxconn', value: '1024' }],
  extraHosts: [{ name: 'db', address: '10.0.0.5' }],
  dns: { servers: ['10.0.0.53'], search: ['example.org'], options: ['ndots:2'] },
  logging: { driver: 'local', maxSizeBytes: 1_000_000, maxFiles: 3 },
  ...{ pidsLimit: 64, shmSizeBytes: 1_048_576 },
  binds: [{ source: '/srv/data', target: '/data', readOnly: true }],
  devices: ['/dev/fuse'],
};
export const update: UpdatePolicy = { ...updatePolicyDefault, maxFailures: { percent: 10 }, canary: 1 };
export const restart: RestartPolicy = { ...restartPolicyDefault, condition: 'on-failure', maxAttempts: 5 };
