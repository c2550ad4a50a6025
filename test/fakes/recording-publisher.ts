/** A publisher that records events instead of sending them. */
import type { Publisher } from '#shared/ports.ts'

/** Makes the publisher; `events` has the names of all events, in order. */
export function recordingPublisher(): Publisher & { readonly events: string[] } {
  const events: string[] = []
  return {
    events,
    async publish(_companyId, notices) {
      events.push(...notices.map(({ event }) => event.event))
    },
  }
}
