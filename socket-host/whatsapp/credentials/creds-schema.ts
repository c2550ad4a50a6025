/** Schema of Baileys' creds when they are read from the store. */
import * as v from 'valibot'

const bytes = (length: number) =>
  v.pipe(
    v.instance(Buffer),
    v.check((buffer) => buffer.length === length),
  )
const keyPair = v.looseObject({ public: bytes(32), private: bytes(32) })
const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** Requires every field that Baileys reads without a check. */
export const StoredCreds = v.looseObject({
  noiseKey: keyPair,
  pairingEphemeralKeyPair: keyPair,
  signedIdentityKey: keyPair,
  signedPreKey: v.looseObject({ keyPair, signature: bytes(64), keyId: count }),
  registrationId: count,
  advSecretKey: v.string(),
  nextPreKeyId: count,
  firstUnuploadedPreKeyId: count,
  accountSyncCounter: count,
  accountSettings: v.looseObject({}),
  processedHistoryMessages: v.array(v.looseObject({})),
  account: v.looseObject({}),
  me: v.looseObject({ id: v.string() }),
  signalIdentities: v.array(v.looseObject({ identifier: v.looseObject({}), identifierKey: v.instance(Buffer) })),
})
