/** A publisher that notes what it was to tell. */
import type { Notice } from '#shared/domain/company.ts'
import type { Publisher } from '#shared/ports.ts'

export type Published = {
  readonly companyId: string
  readonly notices: readonly Notice[]
  readonly lastSeq: number
  readonly exceptFor?: string
}

export type RecordingPublisher = Publisher & {
  readonly published: Published[]
  /** Names of the events told to a company, in order. */
  eventsOf(companyId: string): readonly string[]
}

export function recordingPublisher(): RecordingPublisher {
  const published: Published[] = []
  return {
    published,
    eventsOf: (companyId) =>
      published
        .filter((each) => each.companyId === companyId)
        .flatMap(({ notices }) => notices.map(({ event }) => event.event)),
    async publish(companyId, notices, lastSeq, exceptFor) {
      published.push({ companyId, notices, lastSeq, ...(exceptFor !== undefined && { exceptFor }) })
    },
  }
}
