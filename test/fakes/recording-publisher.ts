/** A publisher that notes what it was to tell. */
import type { Publisher } from '#shared/ports.ts'

/** `events` are the names of all that was told, in order. */
export function recordingPublisher(): Publisher & { readonly events: string[] } {
  const events: string[] = []
  return {
    events,
    async publish(_companyId, notices) {
      events.push(...notices.map(({ event }) => event.event))
    },
  }
}
