import { disrupted, take } from '../phone/behaviour.ts'
import { type Device, findDevice, type Phone } from '../phone/phone.ts'
import { sendReplaced } from '../wire/disruptions.ts'
import { info, nowSeconds, stanza } from '../wire/stanzas.ts'
import { conditionFor } from './conditions.ts'
import { refuse } from './conversation.ts'
import type { Client } from './handshake.ts'
import { serveSession } from './session.ts'
import { recordViolation, type ViolationKind } from './violations.ts'
import { sessionKey, type World } from './world.ts'

// Edge routing info, which clients send back when they reconnect. The simulator gives every client the same.
const ourRoutingInfo = Buffer.from('0800120d0a05706c', 'hex')

type Login = { readonly phone: Phone; readonly device: Device }
type Refusal = { readonly reason: number; readonly why: string; readonly violation?: ViolationKind }

/** Serves a client that logs in as a linked device. */
export async function serveLogin(world: World, client: Client): Promise<void> {
  const { channel, payload } = client
  const { connection } = channel
  const { loginFailure } = conditionFor(world, connection).faults
  if (loginFailure) return refuse(channel, loginFailure.reason, loginFailure.attrs)

  const number = String(payload.username ?? '')
  const phone = world.phones.get(number)
  const ban = phone && take(phone, 'loginFailure')
  if (ban) {
    world.emit({ type: 'loginRefused', phone: number, reason: ban.reason, why: 'as the phone is set to behave' })
    return refuse(channel, ban.reason, ban.attrs)
  }
  const login = check(phone, client)
  if ('reason' in login) {
    if (login.violation) recordViolation(world, connection, login.violation, login.why, number)
    world.emit({ type: 'loginRefused', phone: number, reason: login.reason, why: login.why })
    return refuse(channel, login.reason)
  }
  checkPayload(world, client)
  await startSession(world, client, login)
}

// WhatsApp answers every one of these with the same 401. Only the violations tell them apart.
function check(phone: Phone | undefined, { payload, noiseKey }: Client): Login | Refusal {
  const { device: id } = payload
  if (typeof id !== 'number' || id === 0) {
    return { reason: 401, why: 'half-paired: no device id', violation: 'login-half-paired' }
  }
  const device = phone && findDevice(phone, id)
  if (!phone || id >= phone.nextDevice) {
    return { reason: 401, why: `device ${id} was never linked`, violation: 'login-never-linked' }
  }
  if (!device) return { reason: 401, why: `device ${id} was removed` }
  if (!device.noiseKey.equals(noiseKey)) {
    return { reason: 401, why: `device ${id} has another noise key`, violation: 'login-wrong-noise-key' }
  }
  return { phone, device }
}

async function startSession(world: World, { channel }: Client, { phone, device }: Login): Promise<void> {
  replaceSession(world, channel.connection.id, phone, device)
  if (disrupted(phone, 'login', channel)) return
  device.logins += 1
  const session = { phone, device, channel, isUp: false, lastReceivedAt: performance.now(), longestSilenceMs: 0 }
  const key = sessionKey(phone.number, device.id)
  world.sessions.set(key, session)
  world.emit({ type: 'deviceOnline', phone: phone.number, device: device.id })
  channel.connection.onClosed(() => {
    if (world.sessions.get(key) !== session) return
    world.sessions.delete(key)
    world.emit({ type: 'deviceOffline', phone: phone.number, device: device.id })
  })

  channel.send(success(phone, device))
  channel.send(info(stanza('edge_routing', {}, [stanza('routing_info', {}, ourRoutingInfo)])))
  if (disrupted(phone, 'success', channel)) return
  await serveSession(world, session)
}

/** Ends the device's previous session. As at WhatsApp, the newest login wins. */
function replaceSession(world: World, connectionId: number, phone: Phone, device: Device): void {
  const previous = world.sessions.get(sessionKey(phone.number, device.id))
  if (!previous) return
  const { connection } = previous.channel
  // A connection that the simulator has disturbed may look dead to the client, which may then log in again.
  if (connection.isOpen() && !connection.isDisturbed()) {
    const detail = `device ${device.id} logs in on connection ${connectionId} too`
    recordViolation(world, connection, 'device-online-twice', detail, phone.number)
  }
  sendReplaced(previous.channel)
}

function success(phone: Phone, device: Device) {
  return stanza('success', {
    t: nowSeconds(),
    creation: String(Math.floor(Date.parse(device.linkedAt) / 1000)),
    props: '27',
    companion_enc_static: 'NULL',
    location: 'frc',
    lid: `${phone.lid}:${device.id}@lid`,
    abprops: '1',
    group_abprops: '1',
    display_name: phone.number,
  })
}

function checkPayload(world: World, { channel: { connection }, payload }: Client): void {
  if (!payload.passive || !payload.pull) {
    recordViolation(world, connection, 'login-payload', 'a login is passive and pulls', String(payload.username))
  }
  const routing = connection.routingInfo()
  if (routing && !routing.equals(ourRoutingInfo)) {
    recordViolation(world, connection, 'unknown-routing-info', routing.toString('hex'), String(payload.username))
  }
}
