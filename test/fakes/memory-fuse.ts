/** A fuse in memory. */
import { closeFuse, type FuseState, newFuse, takePlace } from '#shared/domain/fleet/fuse.ts'
import type { Clock, Fuse } from '#shared/ports.ts'

export function memoryFuse(clock: Clock, held: () => number = () => 0): Fuse {
  let fuse: FuseState = newFuse
  return {
    async takePlace(companyId) {
      const taken = takePlace(fuse, companyId, held(), clock())
      fuse = taken.fuse
      return taken.isGranted
    },
    openSince: async () => fuse.openSince,
    async close() {
      fuse = closeFuse(fuse)
    },
  }
}
