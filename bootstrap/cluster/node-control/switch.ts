/**
 * Which workers of a running `up` are down on purpose: what `./bootstrap/node` asks, done one after the other, and
 * said in words. How a worker falls silent is the cluster's.
 */

import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { NodeAgents } from '../../../src/daemon/node-agents.ts';
import { AppError, hasCode } from '../../../src/errors.ts';

const NodeRequest = Type.Union([
  Type.Object({ command: Type.Literal('list') }),
  Type.Object({ command: Type.Literal('down'), node: Type.String(), killContainers: Type.Boolean() }),
  Type.Object({ command: Type.Literal('back'), node: Type.String() }),
]);
export type NodeRequest = Static<typeof NodeRequest>;

export type NodeSwitchDeps = {
  /** Every worker of this machine, in order. */
  nodes: readonly string[];
  agents: Pick<NodeAgents, 'cutOff' | 'bringBack'>;
  /** Ends what runs on the engine for a node, with no warning; returns how many. null: the engine is simulated. */
  killContainers: ((node: string) => Promise<number>) | null;
  /** The terminal of `up` hears of it too. */
  print: (line: string) => void;
};

/**
 * @returns the answer to a request, in lines for people
 * @throws AppError (the answer) `config_invalid`: no such request, no such worker
 */
export function createNodeSwitch(deps: NodeSwitchDeps): (request: unknown) => Promise<string[]> {
  const { nodes, agents, killContainers, print } = deps;
  const down = new Set<string>();
  let work: Promise<unknown> = Promise.resolve();

  const takeDown = async (node: string, isPowerLoss: boolean): Promise<string> => {
    if (down.has(node) && !isPowerLoss) return `${node} is down already`;
    down.add(node);
    await agents.cutOff(node);
    if (!isPowerLoss)
      return `${node} is down: it sends nothing and takes no commands; its containers run on until it is back`;
    if (killContainers === null) return `${node} is down; the engine is simulated, there was nothing to kill`;
    return `${node} is down, and ${await killContainers(node)} of its containers were killed`;
  };

  const bringBack = async (node: string): Promise<string> => {
    if (!down.has(node)) return `${node} is not down`;
    const trouble = await agents.bringBack(node).catch((error: unknown) => {
      if (hasCode(error, 'agents_not_ready')) return (error as AppError).message;
      throw error;
    });
    down.delete(node);
    return trouble ? `${node} is back, but ${trouble}; it goes on trying` : `${node} is back and ready`;
  };

  const change = async (request: Exclude<NodeRequest, { command: 'list' }>): Promise<string[]> => {
    const { command, node } = request;
    if (!nodes.includes(node)) {
      const known = nodes.length === 0 ? 'it has none' : `its workers are ${nodes.join(', ')}`;
      throw new AppError('config_invalid', `the \`up\` on this data has no worker "${node}": ${known}`);
    }
    const line = await (command === 'down' ? takeDown(node, request.killContainers) : bringBack(node));
    print(line);
    return [line];
  };

  return async (request) => {
    if (!Value.Check(NodeRequest, request)) throw new AppError('config_invalid', 'no such request');
    if (request.command === 'list') return nodes.map((node) => `${node}  ${down.has(node) ? 'down' : 'up'}`);
    const done = work.then(() => change(request));
    work = done.catch(() => {});
    return done;
  };
}
