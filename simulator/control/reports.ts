import type { Phone } from '../phone/phone.ts'
import type { Condition } from '../service/conditions.ts'
import { sessionKey, silenceOf, type World } from '../service/world.ts'

/** A phone as the control routes show it. The number is not masked, because it does not belong to a person. */
export function reportPhone(world: World, phone: Phone) {
  const pending = [...world.registrations].some((registration) => registration.pending?.phone === phone)
  return {
    phone: phone.number,
    lid: `${phone.lid}@lid`,
    behaviour: phone.behaviour.name,
    params: phone.behaviour.params,
    companionHellos: phone.companionHellos,
    hasPendingCode: pending,
    devices: phone.devices.map(({ id, platform, linkedAt, preKeys, logins }) => ({
      device: id,
      jid: `${phone.number}:${id}@s.whatsapp.net`,
      platform,
      linkedAt,
      preKeys,
      logins,
      online: world.sessions.has(sessionKey(phone.number, id)),
    })),
  }
}

const reportCondition = ({ name, params }: Condition) => ({ behaviour: name, params })

/** Returns the state of the whole simulator: conditions, connections, phones and violations. */
export function reportState(world: World) {
  const { counts, latest } = world.violations
  return {
    service: reportCondition(world.condition),
    /** Conditions of single clients, by client. */
    clients: Object.fromEntries(
      [...world.conditions].map(([client, condition]) => [client, reportCondition(condition)]),
    ),
    connections: {
      total: world.traffic.connections,
      open: world.traffic.open,
      unanswered: world.traffic.unanswered,
      registering: world.registrations.size,
    },
    online: [...world.sessions.values()].map(({ phone, device }) => `${phone.number}:${device.id}@s.whatsapp.net`),
    longestSilenceMs: Math.max(0, ...[...world.sessions.values()].map(silenceOf)),
    phones: [...world.phones.values()].map((phone) => reportPhone(world, phone)),
    violations: {
      total: [...counts.values()].reduce((sum, count) => sum + count, 0),
      counts: Object.fromEntries(counts),
      latest,
    },
  }
}
