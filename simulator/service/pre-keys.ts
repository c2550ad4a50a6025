import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from '@whiskeysockets/baileys'
import { isSignedBy } from '../crypto/xeddsa.ts'
import { bundleOf } from '../messages/own-bundle.ts'
import { numberOf, senderOf } from '../messages/post-office.ts'
import { takeIf } from '../phone/behaviour.ts'
import { childBytes, errorOf, resultOf, stanza } from '../wire/stanzas.ts'
import { recordViolation } from './violations.ts'
import type { Session, World } from './world.ts'

const keyType = Buffer.from([5])

/** Answers a device's requests about its pre-keys and signed pre-key: upload, rotation, count and digest. */
export function answerEncrypt(world: World, session: Session, iq: BinaryNode): BinaryNode[] {
  if (iq.attrs['type'] === 'set') return [answerUpload(world, session, iq)]
  const { phone, device } = session
  if (getBinaryNodeChild(iq, 'digest')) return [answerDigest(session, iq)]
  if (getBinaryNodeChild(iq, 'key')) return [answerKeys(world, iq)]
  if (!getBinaryNodeChild(iq, 'count')) return [resultOf(iq)]
  if (takeIf(phone, 'bringUp', 'count-silent')) return []
  return [resultOf(iq, stanza('count', { value: String(device.preKeys) }))]
}

/** Gives a device the keys of the phones that it wants to write to. Companions of others are not modelled. */
function answerKeys(world: World, iq: BinaryNode): BinaryNode {
  const users = getBinaryNodeChildren(getBinaryNodeChild(iq, 'key'), 'user').map(({ attrs }) => attrs['jid'] ?? '')
  const bundles = users.map((jid) => {
    const number = numberOf(world, jid)
    return number === undefined
      ? stanza('user', { jid }, [stanza('error', { code: '404', text: 'item-not-found' })])
      : bundleOf(senderOf(world, number), jid)
  })
  return resultOf(iq, stanza('list', {}, bundles))
}

function answerUpload(world: World, session: Session, iq: BinaryNode): BinaryNode {
  const { phone, channel } = session
  const fault = faultIn(session, iq)
  if (fault) {
    recordViolation(world, channel.connection, fault.kind, fault.detail, phone.number)
    return errorOf(iq, { code: 406, text: 'not-acceptable' })
  }
  if (takeIf(phone, 'bringUp', 'upload-refused')) return errorOf(iq, { code: 500, text: 'internal-server-error' })
  keepSignedPreKey(session, iq)
  addPreKeys(world, session, keysIn(iq))
  return resultOf(iq)
}

function addPreKeys(world: World, { phone, device, channel }: Session, keys: readonly BinaryNode[]): void {
  const ids = keys.map((key) => childBytes(key, 'id')?.readUIntBE(0, 3) ?? 0)
  for (const [index, key] of keys.entries()) {
    const value = childBytes(key, 'value')
    if (value) device.keys?.preKeys.set(ids[index] ?? 0, value)
  }
  world.mail.warned.delete(device)
  const again = ids.filter((id) => id <= device.lastPreKey)
  if (again.length > 0) {
    recordViolation(
      world,
      channel.connection,
      'prekey-ids-again',
      `${again.length} ids from ${again[0]} on`,
      phone.number,
    )
  }
  device.preKeys += keys.length
  device.lastPreKey = Math.max(device.lastPreKey, ...ids)
  world.save()
}

/** Keeps the signed pre-key of an upload or a rotation. */
function keepSignedPreKey({ device }: Session, iq: BinaryNode): void {
  const signedKey = getBinaryNodeChild(getBinaryNodeChild(iq, 'rotate') ?? iq, 'skey')
  const [id, key, signature] = ['id', 'value', 'signature'].map((tag) => childBytes(signedKey, tag))
  if (!id || !key || !signature) return
  const signedPreKey = { id: id.readUIntBE(0, id.length), key, signature }
  const registrationId = childBytes(iq, 'registration')?.readUInt32BE()
  if (device.keys) device.keys.signedPreKey = signedPreKey
  else if (registrationId !== undefined) device.keys = { registrationId, signedPreKey, preKeys: new Map() }
}

function answerDigest({ phone, device }: Session, iq: BinaryNode): BinaryNode {
  if (takeIf(phone, 'bringUp', 'digest-refused')) return errorOf(iq, { code: 404, text: 'item-not-found' })
  const digest = [stanza('type', {}, keyType), stanza('identity', {}, device.identityKey)]
  return resultOf(iq, stanza('digest', {}, digest))
}

function faultIn({ device }: Session, iq: BinaryNode) {
  const rotation = getBinaryNodeChild(iq, 'rotate')
  const signedKey = getBinaryNodeChild(rotation ?? iq, 'skey')
  const value = childBytes(signedKey, 'value')
  const signature = childBytes(signedKey, 'signature')
  if (!value || !signature || !isSignedBy(device.identityKey, Buffer.concat([keyType, value]), signature)) {
    return { kind: 'bad-prekey-signature', detail: 'the signed pre-key is not signed by the identity' } as const
  }
  if (rotation) return undefined
  if (!childBytes(iq, 'identity')?.equals(device.identityKey)) {
    return { kind: 'prekey-upload', detail: 'the identity is not the one that was linked' } as const
  }
  const isWhole = (key: BinaryNode) => childBytes(key, 'id')?.length === 3 && childBytes(key, 'value')?.length === 32
  if (!keysIn(iq).every(isWhole)) return { kind: 'prekey-upload', detail: 'a pre-key is malformed' } as const
  return undefined
}

function keysIn(iq: BinaryNode): BinaryNode[] {
  return getBinaryNodeChildren(getBinaryNodeChild(iq, 'list'), 'key')
}
