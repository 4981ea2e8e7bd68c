/**
 * Which nodes fail to start what others start. A spec that starts nowhere says nothing about a node: it counts when the
 * same spec runs elsewhere, or when several specs fail.
 */

import type { ClusterView, ContainerView } from './cluster-view.ts';
import type { Touched } from './touched.ts';

/** In a row, on one node, without a start between them. */
const startErrorsMax = 3;

/** @param at of the failure */
export function noteStartError(view: ClusterView, container: ContainerView, at: string, touched: Touched): void {
  const node = view.nodes.get(container.node);
  const service = view.services.get(container.service);
  if (!node || !service) return;
  node.startErrors = [...node.startErrors, container.specHash].slice(-startErrorsMax);
  const runsElsewhere = container.specHash === service.specHash && service.runningCurrent > 0;
  const isOwn = runsElsewhere || new Set(node.startErrors).size > 1;
  if (node.suspect || node.startErrors.length < startErrorsMax || !isOwn) return;
  node.suspect = { since: at, message: container.message ?? '' };
  touched.nodes.add(node.id);
}

/** It has started something. */
export function noteStart(view: ClusterView, { node: id }: ContainerView, touched: Touched): void {
  const node = view.nodes.get(id);
  if (!node || node.startErrors.length === 0) return;
  node.startErrors = [];
  if (node.suspect) touched.nodes.add(id);
  node.suspect = null;
}
