/** The options of the program: their variables, defaults and help. What their values mean is in config.ts. */

import { queueTimeoutMsDefault } from '../model/container.ts';
import { callsPerSecondDefault, connectionsPerAddressDefault } from '../model/limits.ts';
import { engineTimeoutMsDefault, nodeTimeoutMsDefault } from '../model/node.ts';

export type Option = {
  env: string;
  help: string;
  fallback: string;
  /** In words, what is so without it. */
  absent?: string;
  placeholder: string;
  /** Given several times it has all of them, with commas. */
  isRepeatable?: boolean;
};

export const options = {
  host: {
    env: 'CO_HOST',
    fallback: '127.0.0.1',
    placeholder: 'ADDRESS',
    help: 'beyond loopback every caller needs a token',
  },
  port: { env: 'CO_PORT', fallback: '5000', placeholder: 'PORT', help: 'of the HTTP API' },
  workers: { env: 'CO_WORKERS', fallback: '5', placeholder: 'N', help: 'worker nodes on this machine' },
  data: { env: 'CO_DATA_DIR', fallback: './data', placeholder: 'DIR', help: 'the embedded log' },
  engine: { env: 'CO_ENGINE', fallback: 'auto', placeholder: 'KIND', help: 'auto, docker or simulated' },
  docker: {
    env: 'CO_DOCKER_HOST',
    fallback: '/var/run/docker.sock',
    placeholder: 'ADDRESS',
    help: "the Docker Engine's socket, or tcp://host:port",
  },
  'docker-tls': {
    env: 'CO_DOCKER_CERT_PATH',
    fallback: '',
    placeholder: 'DIR',
    help: 'TLS to a tcp:// engine: ca.pem, cert.pem, key.pem',
  },
  mongodb: { env: 'CO_MONGODB_URL', fallback: '', placeholder: 'URL', help: 'the log in MongoDB; goes with --amqp' },
  amqp: { env: 'CO_AMQP_URL', fallback: '', placeholder: 'URL', help: 'the bus in RabbitMQ; goes with --mongodb' },
  'mongodb-ca': { env: 'CO_MONGODB_CA', fallback: '', placeholder: 'FILE', help: 'TLS to MongoDB, by this authority' },
  'amqp-ca': { env: 'CO_AMQP_CA', fallback: '', placeholder: 'FILE', help: 'the authority of an amqps:// broker' },
  'amqp-cert': { env: 'CO_AMQP_CERT', fallback: '', placeholder: 'FILE', help: 'a certificate to show to it' },
  'amqp-key': { env: 'CO_AMQP_KEY', fallback: '', placeholder: 'FILE', help: 'and its key' },
  'amqp-management': {
    env: 'CO_AMQP_MANAGEMENT_URL',
    fallback: '',
    placeholder: 'URL',
    help: 'http://admin:password@host:15672: a manager lets nodes in',
  },
  'amqp-agents': {
    env: 'CO_AMQP_AGENT_URL',
    fallback: '',
    placeholder: 'URL',
    absent: 'as --amqp',
    help: 'where they reach RabbitMQ',
  },
  join: {
    env: 'CO_JOIN_URL',
    fallback: '',
    placeholder: 'URL',
    help: 'an agent joins by this manager, once; needs --token',
  },
  token: { env: 'CO_JOIN_TOKEN', fallback: '', placeholder: 'TOKEN', help: 'to join by: coctl token create --join' },
  ca: {
    env: 'CO_CA',
    fallback: '',
    placeholder: 'FILE',
    help: "that manager's authority, or its fingerprint sha256:…",
  },
  tls: {
    env: 'CO_TLS',
    fallback: 'off',
    placeholder: 'KIND',
    help: 'off, or auto: the API by HTTPS, with an authority of its own in --data',
  },
  'tls-names': {
    env: 'CO_TLS_NAMES',
    fallback: '',
    placeholder: 'NAMES',
    help: 'for --tls auto: more host names and addresses, with commas',
  },
  'tls-cert': {
    env: 'CO_TLS_CERT',
    fallback: '',
    placeholder: 'FILE',
    help: 'the API by HTTPS, with this certificate and its chain',
  },
  'tls-key': {
    env: 'CO_TLS_KEY',
    fallback: '',
    placeholder: 'FILE',
    help: 'and its key; both are read when they change',
  },
  'tls-client-ca': {
    env: 'CO_TLS_CLIENT_CA',
    fallback: '',
    placeholder: 'FILE',
    help: 'clients have to show a certificate of this authority',
  },
  cluster: { env: 'CO_CLUSTER', fallback: 'co', placeholder: 'NAME', help: 'name of the cluster' },
  'cluster-id': {
    env: 'CO_CLUSTER_ID',
    fallback: '',
    placeholder: 'UUID',
    help: 'an agent alone needs it; GET /state',
  },
  node: { env: 'CO_NODE', fallback: '', placeholder: 'ID', help: 'the node an agent speaks for' },
  tokens: {
    env: 'CO_TOKENS_FILE',
    fallback: '',
    placeholder: 'FILE',
    help: 'lines name:scope:token, beside the tokens of the log',
  },
  'rate-limit': {
    env: 'CO_RATE_LIMIT',
    fallback: String(callsPerSecondDefault),
    placeholder: 'N',
    help: 'calls a second of one token; 0: no limit',
  },
  'connections-per-address': {
    env: 'CO_CONNECTIONS_PER_ADDRESS',
    fallback: String(connectionsPerAddressDefault),
    placeholder: 'N',
    help: 'of 1024 in all; behind a proxy they are all of one address',
  },
  'health-port': {
    env: 'CO_HEALTH_PORT',
    fallback: '',
    placeholder: 'PORT',
    help: 'answers /healthz and /readyz on a listener of their own, too',
  },
  'health-host': {
    env: 'CO_HEALTH_HOST',
    fallback: '127.0.0.1',
    placeholder: 'ADDRESS',
    help: 'of that listener, which asks for no token',
  },
  'accept-clock': {
    env: 'CO_ACCEPT_CLOCK',
    fallback: '',
    placeholder: 'now',
    help: "this machine's clock is right: once, where the log's time or the database's is not",
  },
  secrets: { env: 'CO_SECRETS_DIR', fallback: '', placeholder: 'DIR', help: 'one file a secret, read by agents' },
  'allow-bind': {
    env: 'CO_ALLOW_BIND',
    fallback: '',
    placeholder: 'DIR',
    isRepeatable: true,
    help: 'containers on this machine may bind it and what is below; repeatable',
  },
  'allow-device': {
    env: 'CO_ALLOW_DEVICE',
    fallback: '',
    placeholder: 'PATH',
    isRepeatable: true,
    help: 'they may use this device, or those in this folder; repeatable',
  },
  'secrets-key': {
    env: 'CO_SECRETS_KEY_FILE',
    fallback: '',
    placeholder: 'FILE',
    absent: 'secrets.key in --data',
    help: 'the key of all managers',
  },
  label: {
    env: 'CO_LABELS',
    fallback: '',
    placeholder: 'NAME=VALUE',
    isRepeatable: true,
    help: 'of the nodes of this machine, for placement; repeatable',
  },
  rebalance: {
    env: 'CO_REBALANCE',
    fallback: '',
    placeholder: 'MOVES/S',
    absent: 'none',
    help: 'moves replicas to nodes with fewer: so many at once, seconds between',
  },
  'heartbeat-ms': {
    env: 'CO_HEARTBEAT_MS',
    fallback: '1000',
    placeholder: 'MS',
    help: 'how often an agent sends a heartbeat',
  },
  'node-timeout-ms': {
    env: 'CO_NODE_TIMEOUT_MS',
    fallback: String(nodeTimeoutMsDefault),
    placeholder: 'MS',
    help: 'a node without a heartbeat for longer is lost',
  },
  'queue-timeout-ms': {
    env: 'CO_QUEUE_TIMEOUT_MS',
    fallback: String(queueTimeoutMsDefault),
    placeholder: 'MS',
    help: 'a container its node does not take is placed again',
  },
  'engine-timeout-ms': {
    env: 'CO_ENGINE_TIMEOUT_MS',
    fallback: String(engineTimeoutMsDefault),
    placeholder: 'MS',
    help: 'containers of a node whose engine is silent for longer are lost',
  },
  'hold-seconds': {
    env: 'CO_HOLD_SECONDS',
    fallback: '0',
    placeholder: 'S',
    help: 'how long to wait when most nodes vanish; 0: until they are heard',
  },
  'retention-hours': {
    env: 'CO_TELEMETRY_RETENTION_HOURS',
    fallback: '24',
    placeholder: 'HOURS',
    help: 'heartbeats and reads leave the log after this; 0: never',
  },
  'log-level': {
    env: 'CO_LOG_LEVEL',
    fallback: 'info',
    placeholder: 'LEVEL',
    help: 'debug, info, warn, error or silent',
  },
} satisfies Record<string, Option>;

/** The headings of `--help`, and what is below each, in this order. */
export const optionGroups: Readonly<Record<string, readonly (keyof typeof options)[]>> = {
  'The cluster:': ['cluster', 'cluster-id', 'workers', 'rebalance', 'data', 'secrets-key', 'retention-hours'],
  'Time-outs and clocks:': [
    'heartbeat-ms',
    'node-timeout-ms',
    'queue-timeout-ms',
    'engine-timeout-ms',
    'hold-seconds',
    'accept-clock',
  ],
  'The API:': [
    'host',
    'port',
    'tls',
    'tls-names',
    'tls-cert',
    'tls-key',
    'tls-client-ca',
    'tokens',
    'rate-limit',
    'connections-per-address',
    'health-port',
    'health-host',
  ],
  'MongoDB and RabbitMQ:': [
    'mongodb',
    'mongodb-ca',
    'amqp',
    'amqp-ca',
    'amqp-cert',
    'amqp-key',
    'amqp-management',
    'amqp-agents',
  ],
  'The nodes of this machine:': [
    'engine',
    'docker',
    'docker-tls',
    'secrets',
    'allow-bind',
    'allow-device',
    'label',
    'node',
    'join',
    'token',
    'ca',
  ],
  'This process:': ['log-level'],
};
