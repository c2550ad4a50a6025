/** The public keys that a device has uploaded, with which others begin a conversation with it. */
export type DeviceKeys = {
  readonly registrationId: number
  signedPreKey: SignedPreKey
  /** One-time pre-keys that nobody has got yet, by id. The state file does not keep them. */
  readonly preKeys: Map<number, Buffer>
}

/** A signed pre-key without its private half: 32 bytes, and a signature of 64. */
export type SignedPreKey = {
  readonly id: number
  readonly key: Buffer
  readonly signature: Buffer
}

/** A one-time pre-key without its private half. */
export type PreKey = {
  readonly id: number
  readonly key: Buffer
}

/** Takes the oldest one-time pre-key: each is handed out once. Returns undefined when there are none. */
export function takePreKey({ preKeys }: DeviceKeys): PreKey | undefined {
  for (const [id, key] of preKeys) {
    preKeys.delete(id)
    return { id, key }
  }
  return undefined
}
