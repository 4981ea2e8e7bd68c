/** The options of `coctl run` by the headings of its help. What they come to is said in `spec-options.ts`. */

import { type Command, Option } from 'commander';
import { stopSignals } from '../../../model/container-options.ts';
import { serviceModes } from '../../../model/job.ts';
import { strategies } from '../../../model/placement.ts';
import { parseReplicas } from '../../sources/assignments.ts';
import { collect } from '../option-parsers.ts';

const chosen = (flags: string, does: string, choices: readonly string[]) => new Option(flags, does).choices(choices);

export function addRunOptions(command: Command): Command {
  for (const add of [addContainer, addRights, addPlace, addHealth, addRelease, addJob]) add(command);
  return command;
}

const addContainer = (command: Command): Command =>
  command
    .optionsGroup('The container:')
    .option('-p, --port <port>', 'publishes a port: 80, 8080:80 (node:container), 53:53/udp', collect)
    .option('-e, --env <NAME=VALUE>', 'sets a variable of its environment', collect)
    .option('--env-file <file>', 'sets those of a file, a NAME=VALUE a line; --env wins', collect)
    .option('-l, --label <NAME=VALUE>', 'sets a label', collect)
    .option('--entrypoint <program>', 'runs it in place of the program of the image')
    .option('-w, --workdir <path>', 'where it runs')
    .option('--hostname <name>', 'what it calls itself')
    .option('--bind <source:target[:ro]>', 'a folder of the node that its owner lets containers use', collect)
    .option('--tmpfs <path>', 'a folder in memory: /run, /run:size=64m,mode=1777', collect)
    .option('-m, --memory <size>', 'the most memory it may use: 256m, 1.5g')
    .option('--cpus <count>', 'the most CPUs it may use: 0.5')
    .addOption(chosen('--pull <policy>', 'when its registry is asked', ['missing', 'always', 'never']))
    .addOption(chosen('--stop-signal <signal>', 'what asks it to end', stopSignals))
    .option('--stop-timeout <duration>', 'how long it may take to end: 30s');

const addRights = (command: Command): Command =>
  command
    .optionsGroup('What it may do:')
    .option('-u, --user <user[:group]>', 'who it runs as')
    .option('--init', 'runs it under an init that collects ended processes, as it does by default')
    .option('--no-init', 'its program is the first process')
    .option('--read-only', 'it cannot write to its image; --tmpfs and --bind stay')
    .option('--cap-add <capability>', 'gives it a capability of Linux, such as NET_RAW', collect)
    .option('--cap-drop <capability>', 'takes one away, or ALL', collect);

const addPlace = (command: Command): Command =>
  command
    .optionsGroup('How many, and where:')
    .option('-r, --replicas <count>', 'how many (default: 1)', parseReplicas)
    .addOption(chosen('--mode <mode>', 'how it runs', serviceModes))
    .option('--constraint <expression>', 'nodes have to meet it: node.labels.zone==a, node.id!=worker-1', collect)
    .option('--spread <label>', 'evenly over the values of a label of nodes: zone')
    .option('--max-per-node <count>', 'no more of its replicas on one node')
    .addOption(chosen('--strategy <strategy>', 'the emptiest nodes, or the fullest that have room', strategies))
    .option('--reserve-memory <size>', 'what a node must have free for it, and keeps')
    .option('--reserve-cpus <count>', 'likewise');

const addHealth = (command: Command): Command =>
  command
    .optionsGroup('Its health:')
    .option('--health-cmd <command>', 'it is healthy when this shell command ends with 0')
    .option('--health-http <port/path>', 'it is healthy when this answers: 8080/healthz')
    .option('--health-tcp <port>', 'it is healthy when this port takes connections')
    .option('--health-interval <duration>', 'how often it is checked: 10s')
    .option('--health-timeout <duration>', 'how long a check may take')
    .option('--health-retries <count>', 'failures in a row that make it unhealthy')
    .option('--health-start-period <duration>', 'how long failures do not count after its start');

const addRelease = (command: Command): Command =>
  command
    .optionsGroup('Restarts and updates:')
    .addOption(chosen('--restart <condition>', 'when it is started again', ['always', 'on-failure', 'never']))
    .addOption(
      chosen('--update-order <order>', 'a new container before the old one stops, or after', [
        ...['auto', 'start-first', 'stop-first'],
      ]),
    )
    .option('--update-parallelism <count|share>', 'how many are replaced at once: 2, 25%')
    .option('--update-delay <duration>', 'between one that serves and the next')
    .addOption(
      chosen('--update-failure-action <action>', 'what follows when new containers fail', [
        ...['pause', 'rollback', 'continue'],
      ]),
    );

const addJob = (command: Command): Command =>
  command
    .optionsGroup('Jobs (--mode job, which each of these implies):')
    .option('--completions <count>', 'how many containers have to end with 0 (default: 1)')
    .option('--max-concurrent <count>', 'how many of them run at once (default: 1)')
    .option('--schedule <cron>', 'runs by itself: "30 2 * * *", @daily')
    .option('--time-zone <name>', 'of the schedule: Europe/Berlin (default: UTC)');
