/** A fuse in memory. */
import { fuseWindows } from '#shared/config/fuse-windows.ts'
import { fuseDefaults } from '#shared/config/settings.ts'
import { closeFuse, type FuseReason, type FuseState, newFuse, resetFuse, takePlace } from '#shared/domain/fleet/fuse.ts'
import type { Clock, Fuse } from '#shared/ports.ts'

/** The windows of a host without settings of its own. */
export const defaultWindows = fuseWindows(fuseDefaults.fiveMinutes, fuseDefaults.day)

export function memoryFuse(clock: Clock, held: () => number = () => 0): Fuse {
  const fuses = new Map<FuseReason, FuseState>()
  return {
    async takePlace(companyId, reason) {
      const taken = takePlace(fuses.get(reason) ?? newFuse, companyId, held(), clock(), defaultWindows)
      fuses.set(reason, taken.fuse)
      return taken.isGranted
    },
    openings: async () =>
      Object.fromEntries([...fuses].flatMap(([reason, { opening }]) => (opening ? [[reason, opening]] : []))),
    async close(reason) {
      const fuse = fuses.get(reason)
      if (fuse) fuses.set(reason, closeFuse(fuse, clock()))
    },
    async reset() {
      for (const [reason, fuse] of fuses) fuses.set(reason, resetFuse(fuse, clock()))
    },
  }
}
