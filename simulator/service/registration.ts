import { createHash, randomBytes } from 'node:crypto'
import { type BinaryNode, getBinaryNodeChild, proto } from '@whiskeysockets/baileys'
import { isSignedBy } from '../crypto/xeddsa.ts'
import type { DeviceKeys } from '../phone/device-keys.ts'
import type { Registration } from '../phone/waiting-companion.ts'
import { errorOf, resultOf, serverIq, stanza } from '../wire/stanzas.ts'
import { answerFinish } from './companion-finish.ts'
import { answerHello } from './companion-hello.ts'
import { conditionFor } from './conditions.ts'
import { eachStanza, refuse } from './conversation.ts'
import type { Client } from './handshake.ts'
import { recordViolation } from './violations.ts'
import type { World } from './world.ts'

const defaultRefCount = 6

/** Serves a client that registers to be linked. */
export async function serveRegistration(world: World, { channel, noiseKey, payload }: Client): Promise<void> {
  const { connection } = channel
  const { faults } = conditionFor(world, connection)
  if (faults.registrationFailure !== undefined) return refuse(channel, faults.registrationFailure)

  const fault = faultIn(payload)
  if (fault) {
    recordViolation(world, connection, fault.kind, fault.detail)
    return refuse(channel, 400)
  }
  const registration: Registration = {
    channel,
    noiseKey,
    identityKey: Buffer.from(payload.devicePairingData?.eIdent ?? []),
    keys: keysIn(payload),
    platform: platformIn(payload),
    refs: Array.from({ length: faults.refs ?? defaultRefCount }, () => `2@${randomBytes(48).toString('base64')}`),
    isReady: false,
    hasRetiredQr: false,
    isLinking: false,
  }
  checkForReusedKeys(world, registration)
  world.registrations.add(registration)
  connection.onClosed(() => world.registrations.delete(registration))

  const refs = registration.refs.map((ref) => stanza('ref', {}, Buffer.from(ref)))
  const pairDevice = serverIq('md', stanza('pair-device', {}, refs))
  channel.send(pairDevice)
  if (faults.cutAfterPairDevice) return connection.cut()
  await eachStanza(world, channel, (received) => handle(world, registration, pairDevice.attrs['id'], received))
}

function handle(
  world: World,
  registration: Registration,
  pairDeviceId: string | undefined,
  received: BinaryNode,
): void {
  const { channel } = registration
  const { id, type, xmlns } = received.attrs
  if (received.tag !== 'iq') return // presence, acknowledgements and telemetry need no answer
  if (type === 'result' && id === pairDeviceId) {
    registration.isReady = true
  } else if (type === 'result' && id === registration.signature?.id) {
    registration.signature?.answer.fulfil(received)
  } else if (xmlns === 'w:p') {
    channel.send(resultOf(received))
  } else if (!handleLinkCode(world, registration, received)) {
    recordViolation(world, channel.connection, 'unexpected-stanza', `iq ${xmlns ?? type ?? ''} from an unlinked client`)
    channel.send(errorOf(received, { code: 405, text: 'not-allowed' }))
  }
}

function handleLinkCode(world: World, registration: Registration, iq: BinaryNode): boolean {
  const request = getBinaryNodeChild(iq, 'link_code_companion_reg')
  switch (request?.attrs['stage']) {
    case 'companion_hello':
      answerHello(world, registration, iq, request)
      return true
    case 'companion_finish':
      answerFinish(world, registration, iq, request)
      return true
    default:
      return false
  }
}

type Fault = { readonly kind: 'registration-payload' | 'bad-prekey-signature'; readonly detail: string }

function faultIn(payload: proto.ClientPayload): Fault | undefined {
  const payloadFault = (detail: string): Fault => ({ kind: 'registration-payload', detail })
  const { eRegid, eKeytype, eIdent, eSkeyId, eSkeyVal, eSkeySig, buildHash } = payload.devicePairingData ?? {}
  if (payload.passive || payload.pull) return payloadFault('a registration is neither passive nor pulls')
  if (eRegid?.length !== 4) return payloadFault('eRegid is not 4 bytes')
  if (eKeytype?.length !== 1 || eKeytype[0] !== 5) return payloadFault('eKeytype is not 05')
  if (eIdent?.length !== 32 || eSkeyVal?.length !== 32) return payloadFault('a key is not 32 bytes')
  if (eSkeyId?.length !== 3) return payloadFault('eSkeyId is not 3 bytes')
  if (!buildHashOf(payload).equals(buildHash ?? Buffer.alloc(0)))
    return payloadFault('buildHash is not the MD5 of the version')
  const signed = Buffer.concat([Buffer.from([5]), eSkeyVal])
  if (!eSkeySig || !isSignedBy(eIdent, signed, eSkeySig)) {
    return { kind: 'bad-prekey-signature', detail: 'eSkeySig was not made by eIdent' }
  }
  return undefined
}

/** The keys that a new device registers with. Its one-time pre-keys follow after the first login. */
function keysIn({ devicePairingData }: proto.ClientPayload): DeviceKeys {
  const { eRegid, eSkeyId, eSkeyVal, eSkeySig } = devicePairingData ?? {}
  return {
    registrationId: Buffer.from(eRegid ?? []).readUInt32BE(),
    signedPreKey: {
      id: Buffer.from(eSkeyId ?? []).readUIntBE(0, 3),
      key: Buffer.from(eSkeyVal ?? []),
      signature: Buffer.from(eSkeySig ?? []),
    },
    preKeys: new Map(),
  }
}

function buildHashOf({ userAgent }: proto.ClientPayload): Buffer {
  const { primary, secondary, tertiary } = userAgent?.appVersion ?? {}
  return createHash('md5').update([primary, secondary, tertiary].join('.')).digest()
}

function platformIn({ devicePairingData }: proto.ClientPayload): string {
  const { os, platformType } = proto.DeviceProps.decode(devicePairingData?.deviceProps ?? new Uint8Array())
  return `${proto.DeviceProps.PlatformType[platformType ?? 0] ?? 'UNKNOWN'} (${os ?? 'unknown'})`
}

function checkForReusedKeys(world: World, { noiseKey, identityKey, channel: { connection } }: Registration): void {
  const isSame = (other: { noiseKey: Buffer; identityKey: Buffer }) =>
    other.noiseKey.equals(noiseKey) || other.identityKey.equals(identityKey)
  for (const other of world.registrations) {
    if (isSame(other) && other.channel.connection.isOpen()) {
      recordViolation(
        world,
        connection,
        'same-keys-on-two-sockets',
        `also on connection ${other.channel.connection.id}`,
      )
    }
  }
  for (const { number, devices } of world.phones.values()) {
    const device = devices.find(isSame)
    if (device) recordViolation(world, connection, 'registration-with-linked-keys', `device ${device.id}`, number)
  }
}
