/** Counters by name. */
export type Counts = Record<string, number>

/** Traffic of a device since the simulator started, or since it was linked. */
export type TrafficRecord = {
  /** Stanzas to the device, by kind. */
  readonly sent: Counts
  /** Stanzas that were lost because too many waited. */
  dropped: number
  /** Acknowledgements of the device without an error, by class. */
  readonly acks: Counts
  /** Acknowledgements of messages with an error, by its code. */
  readonly nacks: Counts
  /** Receipts of the device by type. A receipt without a type is `delivered`. */
  readonly receipts: Counts
  /** Requests to send again, by their count. */
  readonly retries: Counts
  /** Number of messages that the device sent to its own phone, and the latest of them. */
  peerMessages: number
  readonly latestPeerMessages: PeerMessage[]
  /** Requests of the device by xmlns. */
  readonly requests: Counts
}

/** A message of a device to its own phone. */
export type PeerMessage = {
  readonly id: string
  /** The name of its protocol message, such as `PEER_DATA_OPERATION_REQUEST_MESSAGE`, or why it is unknown. */
  readonly type: string
  readonly at: string
}

const maxLatest = 50

export const newRecord = (): TrafficRecord => ({
  sent: {},
  dropped: 0,
  acks: {},
  nacks: {},
  receipts: {},
  retries: {},
  peerMessages: 0,
  latestPeerMessages: [],
  requests: {},
})

/** Counts one more under a name. */
export function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Keeps a message of a device to its own phone. */
export function keepPeerMessage(record: TrafficRecord, message: PeerMessage): void {
  record.peerMessages += 1
  record.latestPeerMessages.push(message)
  if (record.latestPeerMessages.length > maxLatest) record.latestPeerMessages.shift()
}
