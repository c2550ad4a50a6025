import * as v from 'valibot'
import { choose, isBadInput } from '../choice.ts'
import { behaviourFrom } from '../phone/behaviour.ts'
import { enterCode } from '../phone/linking-by-code.ts'
import { parseQr, scanQr } from '../phone/linking-by-qr.ts'
import { accountOf, findDevice, phoneOf } from '../phone/phone.ts'
import { linkingService } from '../service/linking-service.ts'
import { removeDevice } from '../service/remove-device.ts'
import { sessionKey, type World } from '../service/world.ts'
import { disruptions } from '../wire/disruptions.ts'
import { linkDevice } from './link-device.ts'
import { reportMessages } from './message-report.ts'
import { addressBook, leaveUnanswered, receipts, serverSync } from './notices.ts'
import { type Body, done, parsed, type Reply, refused } from './reply.ts'
import { reportPhone } from './reports.ts'
import { sendMessages } from './send.ts'

/** Handles one route of a phone. */
type PhoneAction = (world: World, number: string, body: Body) => Reply | Promise<Reply>

const Code = v.object({
  code: v.pipe(
    v.string('code must be a string'),
    v.transform((code) => code.replace(/[\s-]/g, '').toUpperCase()),
    v.regex(/^[0-9A-Z]{8}$/, 'code must have 8 letters and digits'),
  ),
})
const Qr = v.object({ qr: v.string('qr must be a string') })
const Unlink = v.object({ device: v.optional(v.pipe(v.number('device must be a number'), v.integer())) })
const Disrupt = v.looseObject({ how: v.unknown(), device: v.optional(v.number('device must be a number')) })

/** The routes of a phone, by method and last part of the path. */
export const phoneActions: Readonly<Record<string, PhoneAction>> = {
  'GET ': (world, number) => done(reportPhone(world, accountOf(world, number))),
  'PUT behaviour': setBehaviour,
  'POST enter-code': typeCode,
  'POST scan-qr': scan,
  'POST link-device': linkDevice,
  'POST unlink': unlink,
  'POST disrupt': disrupt,
  'POST send': sendMessages,
  'POST receipts': receipts,
  'POST server-sync': serverSync,
  'POST address-book': addressBook,
  'PUT unanswered': leaveUnanswered,
  'GET messages': (world, number) => done(reportMessages(world, accountOf(world, number))),
}

function setBehaviour(world: World, number: string, { behaviour: name, ...params }: Body): Reply {
  const behaviour = behaviourFrom(name, params)
  if (isBadInput(behaviour)) return refused(behaviour)
  const phone = phoneOf(world, number)
  phone.behaviour = behaviour
  world.save()
  return done(reportPhone(world, phone))
}

function typeCode(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Code, body, async ({ code }) => {
    const phone = accountOf(world, number)
    const outcome = await enterCode(linkingService(world), phone, code)
    world.emit({ type: 'codeTyped', phone: phone.number, screen: outcome.screen })
    return done({ phone: phone.number, ...outcome })
  })
}

function scan(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Qr, body, async ({ qr }) => {
    const code = parseQr(qr)
    if (!code) return refused({ field: 'qr', message: 'qr must be ref,noise key,identity key,secret' })
    const phone = accountOf(world, number)
    const outcome = await scanQr(linkingService(world), phone, code)
    world.emit({ type: 'qrScanned', phone: phone.number, screen: outcome.screen })
    return done({ phone: phone.number, ...outcome })
  })
}

function unlink(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Unlink, body, ({ device }) => {
    const phone = accountOf(world, number)
    const removed = phone.devices.filter(({ id }) => device === undefined || id === device)
    for (const each of removed) removeDevice(world, phone, each, 'phone')
    return done({ phone: phone.number, removed: removed.map(({ id }) => id) })
  })
}

function disrupt(world: World, number: string, body: Body): Reply | Promise<Reply> {
  return parsed(Disrupt, body, ({ how, device, ...params }) => {
    const phone = accountOf(world, number)
    if (device !== undefined && !findDevice(phone, device)) {
      return refused({ field: 'device', message: 'no such device' })
    }
    const disruption = choose(disruptions, 'how', how, params)
    if (isBadInput(disruption)) return refused(disruption)
    const targets = phone.devices.filter(({ id }) => device === undefined || id === device)
    const sessions = targets.flatMap(({ id }) => world.sessions.get(sessionKey(phone.number, id)) ?? [])
    for (const { channel } of sessions) disruption(channel)
    return done({ phone: phone.number, disrupted: sessions.map((session) => session.device.id) })
  })
}
