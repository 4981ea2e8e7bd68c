/** Converts placement and balance between request bodies and what is stored. Pure. */

import {
  type Constraint,
  formatConstraint,
  type PlacementPolicy,
  parseConstraint,
  placementDefault,
} from '../../model/placement.ts';
import { refuseField } from '../response/problem.ts';
import type { PlacementBody } from './placement-schema.ts';

/** @param path of the service in the body, with its dot @throws AppError `body_contradictory`: a constraint that is none */
export function toPlacement({ constraints = [], ...given }: PlacementBody, path: string): PlacementPolicy {
  const parsed = constraints.map((text, index): Constraint => {
    const constraint = parseConstraint(text);
    if (constraint) return constraint;
    const rule =
      'must be KEY == VALUE or KEY != VALUE, the key one of node.id, node.hostname, node.labels.NAME, engine.id, engine.kind and engine.version';
    throw refuseField('body_contradictory', `${path}placement.constraints[${index}]`, rule);
  });
  return { ...placementDefault, ...given, constraints: parsed };
}

export const toPlacementBody = ({ constraints, ...plain }: PlacementPolicy): PlacementBody => ({
  constraints: constraints.map(formatConstraint),
  ...plain,
});
