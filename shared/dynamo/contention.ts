/**
 * Thrown when a conditional write was refused again and again, because others have changed the item in between. Unlike
 * after `StoreUnavailable`, nothing of the caller is written, nothing is out of order, and a later try may succeed:
 * functions answer `BUSY`, hosts try again.
 */
export class Contention extends Error {
  override readonly name = 'Contention'

  constructor(item: string, tries: number) {
    super(`Lost ${tries} races in a row for ${item}`)
  }
}
