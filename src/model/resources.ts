/** What a container may use of its engine, and what placement keeps for it. */

import { type Static, Type } from '@sinclair/typebox';

const strict = { additionalProperties: false } as const;

const amounts = {
  memoryBytes: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  /** Thousandths of a CPU: the log holds integers only. */
  cpuMillis: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
};

const Reservation = Type.Object(amounts, strict);
export type Reservation = Static<typeof Reservation>;

/** The amounts are limits; null: none. */
export const Resources = Type.Object(
  {
    ...amounts,
    /** What it is expected to need, where that is less than its limit. Absent, or null: as much as the limit. */
    reserve: Type.Optional(Reservation),
  },
  strict,
);
export type Resources = Static<typeof Resources>;

/** What placement counts. null: nothing. Pure. */
export const reservationOf = ({ memoryBytes, cpuMillis, reserve }: Resources): Reservation => ({
  memoryBytes: reserve?.memoryBytes ?? memoryBytes,
  cpuMillis: reserve?.cpuMillis ?? cpuMillis,
});
