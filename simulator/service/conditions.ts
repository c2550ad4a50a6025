import { setTimeout as delay } from 'node:timers/promises'
import * as v from 'valibot'
import { type BadInput, type Choice, choice, choose, isBadInput } from '../choice.ts'
import type { CertificateFlaw } from '../crypto/certificate.ts'

/** Faults of the service before it knows which account a client belongs to. A service without faults has no entries. */
export type ServiceFaults = {
  readonly down?: true
  readonly upgradeStatus?: number
  readonly upgradeHangs?: true
  readonly pausedMs?: number
  readonly slowMs?: number
  readonly handshake?: 'cut' | 'silent' | 'garbage' | 'other-key'
  readonly certificate?: CertificateFlaw
  readonly cutAfterHandshake?: true
  readonly refs?: number
  readonly cutAfterPairDevice?: true
  readonly registrationFailure?: number
  readonly loginFailure?: { readonly reason: number; readonly attrs: Readonly<Record<string, string>> }
  /** Open connections are dropped when the condition begins, so that every device has to log in under it. */
  readonly dropsOpen?: true
}

/** A condition that the service is in, for all clients or for one. */
export type Condition = {
  readonly name: string
  readonly params: Readonly<Record<string, unknown>>
  readonly faults: ServiceFaults
  /** Resolves when a pause is over: after its time, or when another condition follows. At once without a pause. */
  readonly ready: Promise<void>
  /** Ends a pause. */
  readonly end: () => void
}

/** The conditions that the service is in now. */
export type ConditionsInForce = {
  /** Applies to every client that has no condition of its own. */
  condition: Condition
  /** Conditions of single clients, by their names. */
  readonly conditions: Map<string, Condition>
}

const status = v.pipe(v.number(), v.integer(), v.minValue(300), v.maxValue(599))
/** A number, as stanzas carry it. */
const attribute = v.pipe(v.number(), v.transform(String))
const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(600_000))

/** The conditions that the service can be put into. */
export const conditions: Readonly<Record<string, Choice<ServiceFaults>>> = {
  ok: row('everything works', {}),
  down: row('every connection is dropped, and new ones are as soon as they are made', { down: true }),
  pause: choice('connections are accepted, and nothing is answered for `ms`', { ms: milliseconds }, ({ ms }) => ({
    pausedMs: ms,
  })),
  slow: choice('everything that clients send takes `ms` to arrive', { ms: milliseconds }, ({ ms }) => ({ slowMs: ms })),
  'refuse-upgrade': choice(
    'the WebSocket upgrade gets the HTTP `status` and a close',
    { status: v.optional(status, 503) },
    (params) => ({ upgradeStatus: params.status }),
  ),
  'upgrade-hangs': row('the WebSocket upgrade is never answered', { upgradeHangs: true }),
  'handshake-cut': row('the connection is cut when the client has said hello', { handshake: 'cut' }),
  'handshake-silent': row('the server never says hello', { handshake: 'silent' }),
  'handshake-garbage': row('the server hello is noise of the wrong kind', { handshake: 'garbage' }),
  'handshake-other-key': row('the server hello is sealed with a key that the client cannot derive', {
    handshake: 'other-key',
  }),
  'forged-certificate': row('the certificate is signed by a stranger', { certificate: 'forged' }),
  'cert-wrong-key': row('the certificate is for another static key', { certificate: 'wrong-key' }),
  'certificate-expired': row('the certificate was valid until yesterday', { certificate: 'expired' }),
  'certificate-malformed': choice(
    'the certificate lacks what `how` says',
    {
      how: v.optional(
        v.picklist(['missing-leaf', 'missing-intermediate', 'other-issuer', 'issuer-absent', 'short-signature']),
        'missing-leaf',
      ),
    },
    ({ how }) => ({ certificate: how }),
  ),
  'cut-after-handshake': row('the connection is cut when the handshake is done', { cutAfterHandshake: true }),
  'registration-fails-with': choice(
    'clients that want to link get failure `reason`',
    { reason: status },
    ({ reason }) => ({
      registrationFailure: reason,
    }),
  ),
  'login-fails-with': choice(
    'linked devices get failure `reason`; a ban (402) also has its `code` and the seconds until it will `expire`; `drop` ends all open connections first',
    {
      reason: status,
      code: v.exactOptional(attribute),
      expire: v.exactOptional(attribute),
      drop: v.optional(v.boolean(), false),
    },
    ({ reason, drop, ...attrs }) => ({ loginFailure: { reason, attrs }, ...(drop && { dropsOpen: true }) }),
  ),
  outdated: row('405: every client is too old, and open connections are dropped', {
    registrationFailure: 405,
    loginFailure: { reason: 405, attrs: {} },
    dropsOpen: true,
  }),
  'no-refs': row('pair-device comes without QR refs', { refs: 0 }),
  'one-ref': row('pair-device comes with one QR ref', { refs: 1 }),
  'cut-after-pair-device': row('the connection is cut when pair-device was sent', { cutAfterPairDevice: true }),
}

/** No fault. */
export const healthy: Condition = { name: 'ok', params: {}, faults: {}, ready: Promise.resolve(), end: () => {} }

/** Makes the condition that a control request describes, or says which field is invalid. A pause begins here. */
export function conditionFrom(name: unknown, params: Record<string, unknown>): Condition | BadInput {
  const faults = choose(conditions, 'behaviour', name, params)
  if (isBadInput(faults)) return faults
  const { promise, resolve } = Promise.withResolvers<void>()
  // Unreferenced, so that a paused simulator does not keep its process alive.
  setTimeout(resolve, faults.pausedMs ?? 0).unref()
  return { name: String(name), params, faults, ready: promise, end: resolve }
}

/** Returns the condition for a client: its own if it has one, otherwise the common one. */
export const conditionFor = (inForce: ConditionsInForce, { client }: NamedClient): Condition =>
  (client === undefined ? undefined : inForce.conditions.get(client)) ?? inForce.condition

/** A client, by the name that it gave as `?client=NAME`. The real WhatsApp has no such parameter. */
type NamedClient = { readonly client?: string | undefined }

/** Replaces the condition of one client, or the common one. A pause of the old condition ends. */
export function setCondition(inForce: ConditionsInForce, { client }: NamedClient, condition: Condition): void {
  const previous = client === undefined ? inForce.condition : inForce.conditions.get(client)
  if (client === undefined) inForce.condition = condition
  else if (condition.name === 'ok') inForce.conditions.delete(client)
  else inForce.conditions.set(client, condition)
  previous?.end()
}

/** Ends every pause. */
export function endConditions(inForce: ConditionsInForce): void {
  for (const condition of [inForce.condition, ...inForce.conditions.values()]) condition.end()
}

/** Waits until the client's condition lets the service answer: until a pause is over, then for the delay of `slow`. */
export async function untilReady(inForce: ConditionsInForce, named: NamedClient): Promise<void> {
  await conditionFor(inForce, named).ready
  const { slowMs } = conditionFor(inForce, named).faults
  if (slowMs !== undefined) await delay(slowMs, undefined, { ref: false })
}

/** A condition without parameters. */
function row(description: string, faults: ServiceFaults): Choice<ServiceFaults> {
  return choice(description, {}, () => faults)
}
