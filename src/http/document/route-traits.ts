/** Defines what the common part of a route's description depends on. */

export type RouteTraits = {
  isOpen: boolean;
  hasParams: boolean;
  hasBody: boolean;
  /** Changes something: with a key, under a precondition, through the log. */
  isChange: boolean;
  /** Answers GETs with a tag. */
  isTagged: boolean;
  /** Answers for a point in time. */
  hasPast: boolean;
  isGet: boolean;
};
