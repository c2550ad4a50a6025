import { randomBytes } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { certificateChain } from '../crypto/certificate.ts'
import { type ServerHello, startNoiseServer } from '../crypto/noise.ts'
import { generateKeyPair } from '../crypto/x25519.ts'
import { type Channel, secureChannel } from '../wire/channel.ts'
import type { Connection } from '../wire/connection.ts'
import { waHeader } from '../wire/frames.ts'
import { conditionFor, type ServiceFaults, untilReady } from './conditions.ts'
import { recordViolation } from './violations.ts'
import type { World } from './world.ts'

/** A client whose handshake is done. */
export type Client = {
  readonly channel: Channel
  /** The client's static key, which a link is bound to. */
  readonly noiseKey: Buffer
  /** The client's request: a registration or a login. */
  readonly payload: proto.ClientPayload
}

/** Performs the server's half of the Noise handshake. Resolves with undefined when the connection ends before. */
export async function performHandshake(world: World, connection: Connection): Promise<Client | undefined> {
  const hello = await connection.receive()
  if (!hello) return undefined
  await untilReady(world, connection)

  const { faults } = conditionFor(world, connection)
  const noise = startNoiseServer(world.staticKey, waHeader)
  const serverHello = noise.serverHello(clientEphemeralIn(hello), certificateFor(world, faults))
  sendServerHello(connection, serverHello, faults)

  const finish = await connection.receive()
  if (!finish) return undefined
  await untilReady(world, connection)

  const { clientFinish } = proto.HandshakeMessage.decode(finish)
  if (!clientFinish?.static || !clientFinish.payload) throw new Error('clientFinish lacks a field')
  const { clientStatic, payload, transport } = noise.clientFinish(clientFinish.static, clientFinish.payload)
  // No known client checks the dates, so an expired certificate is not a violation.
  if (faults.certificate && faults.certificate !== 'expired')
    recordViolation(world, connection, 'accepted-forged-certificate', faults.certificate)
  return {
    channel: secureChannel(connection, transport),
    noiseKey: clientStatic,
    payload: proto.ClientPayload.decode(payload),
  }
}

function clientEphemeralIn(frame: Buffer): Uint8Array {
  const ephemeral = proto.HandshakeMessage.decode(frame).clientHello?.ephemeral
  if (ephemeral?.length !== 32) throw new Error('clientHello lacks an ephemeral key of 32 bytes')
  return ephemeral
}

function certificateFor(world: World, { certificate }: ServiceFaults): Buffer {
  return certificate ? certificateChain(world.rootKey, world.staticKey.public, certificate) : world.certificate
}

function sendServerHello(connection: Connection, serverHello: ServerHello, { handshake }: ServiceFaults): void {
  if (handshake === 'cut') connection.cut()
  else if (handshake !== 'silent') connection.sendFrame(helloFrame(serverHello, handshake))
}

function helloFrame(serverHello: ServerHello, flaw: 'garbage' | 'other-key' | undefined): Uint8Array {
  // 0x07 announces a field of wire type 7, which does not exist in protobuf.
  if (flaw === 'garbage') return Buffer.concat([Buffer.from([7]), randomBytes(200)])
  const sent = flaw === 'other-key' ? { ...serverHello, ephemeral: generateKeyPair().public } : serverHello
  return proto.HandshakeMessage.encode({ serverHello: sent }).finish()
}
