/**
 * Actions of clients. Each pushes its decisions with `notify`, and returns an answer that is not part of a decision.
 */
import { cancelPairing } from '#shared/domain/attempt/pairing.ts'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import type { Failure } from '#shared/domain/values/errors.ts'
import type { Decided } from '#shared/ports.ts'
import { type ClientAction, type ClientMessage, failureEventOf } from '#shared/protocol/client-messages.ts'
import {
  type Envelope,
  errorMessage,
  pongMessage,
  type ServerMessage,
  statusMessage,
} from '#shared/protocol/server-messages.ts'
import type { Audit } from '../telemetry/audit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { nudgeHost } from '../use-cases/nudge-host.ts'
import { crowdedResetSeconds, type ResetDeps, reset } from '../use-cases/reset.ts'
import { type StartPairingDeps, type StartPairingRequest, startPairing } from '../use-cases/start-pairing.ts'

export type ActionDeps = StartPairingDeps &
  ResetDeps & {
    readonly telemetry: Pick<Telemetry, 'refused'>
    /** Milliseconds without renewal after which a lease counts as stale. */
    readonly staleMs: number
  }

/** Context of a message, for all actions. */
type Call = {
  readonly companyId: string
  readonly correlationId: string
  /** Connection and `requestId` that wait for the answer. */
  readonly waiting: Waiting
  /** Hears of each decision as soon as it is made. */
  readonly onDecided: (decided: Decided<unknown>) => void
  /** Sends the notices of a decision to the company's clients, this one included. */
  readonly notify: (decided: Decided<unknown>) => Promise<void>
  /** Makes the envelope of an answer that belongs to no decision. */
  readonly envelope: (seq: number | undefined) => Envelope
  /** Audit of the message. It learns of decisions by `onDecided`. */
  readonly audit: Pick<Audit, 'refused'>
  /** Draws a sequence number; undefined when the store is down. */
  readonly drawSeq: () => Promise<number | undefined>
}

type MessageOf = { readonly [A in ClientAction]: Extract<ClientMessage, { action: A }> }
type Actions = {
  readonly [A in ClientAction]: (
    message: MessageOf[A],
    call: Call & Pick<StartPairingRequest, 'language'>,
    deps: ActionDeps,
  ) => Promise<ServerMessage | undefined>
}

const actions: Actions = {
  'request-pairing-code': (message, call, deps) => handlePairing('code', message, call, deps),
  'request-qr': (message, call, deps) => handlePairing('qr', message, call, deps),
  'cancel-pairing': async (_message, call, deps) => {
    const { companyId, correlationId, waiting } = call
    const decided = await deps.store.decide(companyId, (state, now) => ({
      ...cancelPairing(state, [waiting], now),
      outcome: state.attempt !== undefined,
    }))
    call.onDecided(decided)
    if (decided.outcome) await nudgeHost({ companyId, correlationId, fence: decided.state.fence }, deps)
    await call.notify(decided)
    return undefined
  },
  'reset-whatsapp-credentials': (message, call, deps) => handleReset(message, call, deps),
  'get-status': async (_message, { companyId, envelope }, { store, staleMs }) => {
    const [{ state, seq }, lease] = await Promise.all([store.readWithSeq(companyId), store.leaseOf(companyId)])
    return statusMessage(state, lease, staleMs, envelope(seq))
  },
  // Without a sequence number: drawing one is a write, and a ping is only there to keep the connection open.
  ping: async (_message, { envelope }) => pongMessage(envelope(undefined)),
}

/** Runs the action of a message. Returns a direct answer, if there is one. Throws when the store is down. */
export function runAction<A extends ClientAction>(
  action: A,
  message: MessageOf[A],
  call: Parameters<Actions[A]>[1],
  deps: ActionDeps,
): Promise<ServerMessage | undefined> {
  return actions[action](message, call, deps)
}

async function handlePairing(
  method: StartPairingRequest['method'],
  { action, phoneNumber }: MessageOf['request-pairing-code' | 'request-qr'],
  call: Call & Pick<StartPairingRequest, 'language'>,
  deps: ActionDeps,
): Promise<ServerMessage | undefined> {
  const result = await startPairing({ method, typedPhone: phoneNumber, ...call }, deps)
  if (result.kind === 'accepted') return undefined
  if (result.kind === 'refused') return refuse(action, result.failure, call, deps)
  // The decision that ended the attempt has counted and sent the failure.
  call.audit.refused(result.failure.code)
  return undefined
}

async function handleReset(
  { action }: MessageOf['reset-whatsapp-credentials'],
  call: Call,
  deps: ActionDeps,
): Promise<ServerMessage | undefined> {
  const { companyId, correlationId, waiting, onDecided } = call
  const decided = await reset({ companyId, correlationId, waiting: [waiting], onDecided }, deps)
  await call.notify(decided)
  if (decided.outcome.kind !== 'crowded') return undefined
  return refuse(action, { code: 'BUSY', retryAfter: crowdedResetSeconds }, call, deps)
}

/** Counts a refusal, and answers with it. */
async function refuse(
  action: ClientAction,
  failure: Failure,
  { companyId, correlationId, envelope, drawSeq, audit }: Call,
  { telemetry }: ActionDeps,
): Promise<ServerMessage> {
  telemetry.refused(failure.code, { companyId, correlationId })
  audit.refused(failure.code)
  return errorMessage(failure, envelope(await drawSeq()), failureEventOf(action))
}
