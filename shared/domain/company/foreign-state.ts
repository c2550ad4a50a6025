/**
 * Thrown by `decide` for a state that this build does not understand (R49a): a decision on half a state could lose
 * credentials. Functions answer it with `HOST_UNAVAILABLE`; hosts and the watchdog leave the company alone.
 */
export class ForeignState extends Error {
  override readonly name = 'ForeignState'

  constructor(companyId: string) {
    super(`The state of company ${companyId} is one of another build`)
  }
}
