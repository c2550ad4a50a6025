/** Estimate of the time that a pairing takes on this host, from the last ones. */

/** Duration that is assumed whenever the host is idle. */
export const firstPairingMs = 500
/** Weight of the last pairing in the moving average. */
const lastWeight = 0.2

/** Returns the average after a pairing that took `lastMs`. */
export const averageWith = (averageMs: number, lastMs: number): number => averageMs + (lastMs - averageMs) * lastWeight

/** Returns the ms until a pairing has its code when it queues behind `ahead` others, of which `concurrent` run at once. */
export const expectedMs = (averageMs: number, ahead: number, concurrent: number): number =>
  averageMs * (1 + Math.ceil(ahead / concurrent))
