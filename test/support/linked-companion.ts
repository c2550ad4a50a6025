/** Baileys' credentials of a linked device, without the half second of CPU time that pairing costs. */
import {
  type AuthenticationCreds,
  type BinaryNode,
  Curve,
  configureSuccessfulPairing,
  initAuthCreds,
  type SignalDataSet,
} from '@whiskeysockets/baileys'
import * as v from 'valibot'

export type LinkedCompanion = { readonly creds: AuthenticationCreds; readonly keys: SignalDataSet }

const Linked = v.object({ jid: v.string(), lid: v.string(), deviceIdentity: v.string() })

/**
 * Ids of the created pre-keys, out of the 812 of a real link: enough that Baileys makes no new ones, and one row in the
 * store.
 */
const preKeys = { from: 768, to: 812 }
const preKeysLeft = preKeys.to - preKeys.from + 1

/** Links a companion at the simulator, and lets Baileys process the pair-success as usual. */
export async function linkedCompanion(simulatorUrl: string, phone: string): Promise<LinkedCompanion> {
  const creds = initAuthCreds()
  const ids = Array.from({ length: preKeysLeft }, (_, index) => preKeys.from + index)
  const pairs = ids.map((id) => [id, Curve.generateKeyPair()] as const)
  const response = await fetch(`${simulatorUrl}/phones/${phone}/link-device`, {
    method: 'POST',
    body: JSON.stringify({
      noiseKey: hex(creds.noiseKey.public),
      identityKey: hex(creds.signedIdentityKey.public),
      advSecret: hex(Buffer.from(creds.advSecretKey, 'base64')),
      preKeys: preKeysLeft,
      lastPreKey: preKeys.to,
      keys: {
        registrationId: creds.registrationId,
        signedPreKey: {
          id: creds.signedPreKey.keyId,
          key: hex(creds.signedPreKey.keyPair.public),
          signature: hex(creds.signedPreKey.signature),
        },
        preKeys: pairs.map(([id, pair]) => ({ id, key: hex(pair.public) })),
      },
    }),
  })
  const linked = v.parse(Linked, await response.json())
  Object.assign(creds, configureSuccessfulPairing(pairSuccess(linked), creds).creds, {
    nextPreKeyId: preKeys.to + 1,
    firstUnuploadedPreKeyId: preKeys.to + 1,
  })
  return { creds, keys: { 'pre-key': Object.fromEntries(pairs) } }
}

function pairSuccess({ jid, lid, deviceIdentity }: v.InferOutput<typeof Linked>): BinaryNode {
  const content: BinaryNode[] = [
    { tag: 'device-identity', attrs: {}, content: Buffer.from(deviceIdentity, 'base64') },
    { tag: 'device', attrs: { jid, lid } },
    { tag: 'platform', attrs: { name: 'android' } },
  ]
  return { tag: 'iq', attrs: { id: 'pair-success' }, content: [{ tag: 'pair-success', attrs: {}, content }] }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
