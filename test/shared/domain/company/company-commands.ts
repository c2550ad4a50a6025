/** Commands for random walks: every transition, with arguments drawn from earlier attempts, generations and hosts. */
import fc from 'fast-check'
import type { Owner, Shown, Waiting } from '#shared/domain/company/attempt.ts'
import { type AttemptRef, type CompanyState, type Decision, emptyCompany } from '#shared/domain/company/company.ts'
import * as present from '../../../released/build.ts'

/** The transitions, of this build or of another one. */
export type Transitions = typeof present

/** State of a walk: later commands refer to its attempts, generations and hosts, in time or too late. */
export type World = {
  state: CompanyState
  now: number
  /** Highest epoch that any host has had. */
  epoch: number
  /** Counter for the names of requests, attempts and generations. */
  count: number
  readonly attempts: AttemptRef[]
  readonly generations: string[]
  /** The generation that was current when the host accepted. */
  seen: string | undefined
  /** The build that makes the next decision. */
  by: Transitions
}

export const freshWorld = (by: Transitions = present): World => ({
  by,
  state: emptyCompany,
  now: Date.UTC(2026, 0, 1),
  epoch: 1,
  count: 0,
  attempts: [],
  generations: [],
  seen: undefined,
})

const phones = ['5511987654321', '551187654321', '79001234567'] as const
const phone = fc.option(fc.constantFrom(...phones), { nil: undefined })
/** Index into attempts and generations: 0 is the latest. */
const age = fc.constantFrom(0, 0, 0, 0, 0, 1, 2)
const base = { age, staleOwner: fc.constantFrom(false, false, false, false, true) }

const anything = fc.oneof(
  fc.record({
    do: fc.constant('request' as const),
    method: fc.constantFrom('code' as const, 'code' as const, 'qr' as const),
    phone,
    overHttp: fc.boolean(),
  }),
  fc.record({ do: fc.constantFrom('cancel' as const, 'reset' as const, 'adopt' as const), ...base }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 800, 4_500, 10_000, 50_000, 160_000) }),
  fc.record({
    do: fc.constant('accept' as const),
    policy: fc.constantFrom('replace' as const, 'keep-until-linked' as const),
    ...base,
  }),
  fc.record({ do: fc.constant('issue' as const), ...base }),
  fc.record({ do: fc.constant('issue' as const), ...base }),
  fc.record({ do: fc.constantFrom('answer' as const, 'fail' as const, 'restartPairing' as const), ...base }),
  fc.record({ do: fc.constant('prepareLink' as const), phone, ...base }),
  fc.record({ do: fc.constant('prepareLink' as const), phone: fc.constant(undefined), ...base }),
  fc.record({ do: fc.constant('commitLink' as const), ...base }),
  fc.record({
    do: fc.constantFrom('connected' as const, 'interrupted' as const, 'ended' as const),
    how: fc.constantFrom('removed' as const, 'refused' as const, 'stopped' as const),
    code: fc.constantFrom('ACCOUNT_RESTRICTED' as const, 'CLIENT_OUTDATED' as const, 'CREDENTIALS_CONFLICT' as const),
    ...base,
  }),
  fc.record({
    do: fc.constantFrom('unlinked' as const, 'swept' as const),
    result: fc.constantFrom('confirmed' as const, 'unconfirmed' as const, 'not-linked' as const),
    ...base,
  }),
)
export type Command = typeof anything extends fc.Arbitrary<infer C> ? C : never

/** Any command, or (`undefined`) the usual next step: without such steps few walks would reach a link. */
export const command = fc.option(anything, { freq: 2, nil: undefined })

/** Size of a walk. By default fast-check would draw five steps on average, too few to link a phone and to lose it. */
export const walkSize = { size: 'max', maxLength: 60 } as const

/** Returns the usual next step towards a linked session. */
export function natural({ attempt, session: held, fence }: CompanyState): Command {
  const usual = { age: 0, staleOwner: false } as const
  const connected = { do: 'connected', how: 'stopped', code: 'ACCOUNT_RESTRICTED', ...usual } as const
  switch (attempt?.state) {
    case 'requested':
      return { do: 'accept', policy: 'replace', ...usual }
    case 'connecting':
      return attempt.awaitsSession ? connected : { do: 'issue', ...usual }
    case 'code-issued':
      return { do: 'answer', ...usual }
    case 'phone-confirmed':
    case 'expired':
      return { do: 'prepareLink', phone: undefined, ...usual }
    case 'storing':
      return { do: 'commitLink', ...usual }
    case 'restarting':
      return connected
    case undefined:
      // A second refusal builds on the first one; chance alone would seldom bring it.
      if (held?.refusals?.count === 1) return { ...connected, do: 'ended', how: 'refused' }
      return held?.status === 'connected'
        ? { ...connected, do: 'ended', how: fence % 2 === 0 ? 'stopped' : 'refused' }
        : { do: 'request', method: 'code', phone: phones[2], overHttp: false }
  }
}

/** A decision, and the request that asked for it. */
export type Step = { readonly decision: Decision<unknown>; readonly request?: Waiting }

/** Carries a command out, and records in the world what later commands may refer to. */
export function carryOut(world: World, command: Command): Step {
  const { state, now, by } = world
  switch (command.do) {
    case 'wait':
      world.now += command.ms
      return { decision: by.timeOut(state, world.now) }
    case 'request':
      return request(world, command)
    case 'cancel': {
      const waiting = newRequest(world, 'cancel')
      return { decision: by.cancelPairing(state, [waiting], now), request: waiting }
    }
    case 'reset': {
      const waiting = newRequest(world, 'reset')
      return { decision: by.resetCredentials(state, [waiting], now), request: waiting }
    }
    case 'adopt': {
      if (!command.staleOwner) world.epoch += 1
      return { decision: by.adoptCompany(state, ownerOf(world, command.staleOwner), now) }
    }
    case 'unlinked':
      return { decision: by.unlinkFinished(state, recent(world.generations, command.age) ?? '', command.result) }
    case 'swept':
      return { decision: by.swept(state, recent(world.generations, command.age) ?? '') }
    case 'connected':
    case 'interrupted':
    case 'ended':
      return { decision: aboutSession(world, command) }
    default:
      return { decision: aboutAttempt(world, command) }
  }
}

function request(world: World, command: Extract<Command, { do: 'request' }>): Step {
  const timed = world.by.timeOut(world.state, world.now)
  const waiting = newRequest(world, 'pair')
  const decision = world.by.requestPairing(
    timed.state,
    {
      attemptId: `attempt-${world.count}`,
      method: command.method,
      correlationId: 'correlation',
      deadline: world.now + 20_000,
      ticket: [{ key: 'phone', at: world.now }],
      ...(command.phone !== undefined || command.method === 'code' ? { phone: command.phone ?? phones[0] } : {}),
      ...(!command.overHttp && { waiting }),
    },
    world.now,
  )
  const isWaiting = !command.overHttp && ['started', 'joined'].includes(decision.outcome.kind)
  return {
    decision: { ...decision, notices: [...timed.notices, ...decision.notices] },
    ...(isWaiting && { request: waiting }),
  }
}

type ByAge = { readonly age: number; readonly staleOwner: boolean }

function aboutAttempt(
  world: World,
  command: Extract<
    Command,
    { do: 'accept' | 'issue' | 'answer' | 'fail' | 'restartPairing' | 'prepareLink' | 'commitLink' }
  >,
): Decision<unknown> {
  const { state, now, by } = world
  const ref = attemptRef(world, command)
  switch (command.do) {
    case 'accept': {
      const accepted = by.acceptAttempt(state, ref, command.policy, now)
      if (accepted.outcome !== 'stale') world.seen = accepted.state.credentials?.generation
      return accepted
    }
    case 'issue': {
      const shown: Shown = state.attempt?.method === 'qr' ? { qr: `qr-${++world.count}` } : { code: 'ABCD-EFGH' }
      return by.issueCode(state, ref, { shown, expiresAt: now + 50_000, socketUntil: now + 160_000 }, now)
    }
    case 'answer':
      return by.phoneAnswered(state, ref, now)
    case 'fail':
      return by.failAttempt(state, ref, { code: 'WHATSAPP_UNAVAILABLE' }, now)
    case 'restartPairing':
      return by.restartPairing(state, ref)
    case 'prepareLink': {
      const generation = `generation-${++world.count}.`
      world.generations.unshift(generation)
      const linked = command.phone ?? state.attempt?.phone
      const seen = world.seen && { seenGeneration: world.seen }
      const link = { generation, wrappedKey: `key-of-${generation}`, ...(linked && { phone: linked }), ...seen }
      return by.prepareLink(state, ref, link, now)
    }
    case 'commitLink': {
      const generation = recent(world.generations, command.age) ?? ''
      return by.commitLink(state, ref, { generation, ...(world.seen && { seenGeneration: world.seen }) }, now)
    }
  }
}

function aboutSession(
  world: World,
  command: Extract<Command, { do: 'connected' | 'interrupted' | 'ended' }>,
): Decision<unknown> {
  const { state, now, by } = world
  const current = state.credentials?.generation
  const generation = (command.age === 0 && current) || (recent(world.generations, command.age) ?? '')
  const ref = { generation, owner: ownerOf(world, command.staleOwner) }
  switch (command.do) {
    case 'connected':
      return by.sessionConnected(state, ref, now)
    case 'interrupted':
      return by.sessionInterrupted(state, ref, 'WHATSAPP_UNAVAILABLE', now)
    case 'ended': {
      const { how } = command
      const code = how === 'stopped' ? command.code : 'LOGGED_OUT'
      return by.sessionEnded(state, ref, { code, how }, now)
    }
  }
}

function attemptRef(world: World, { age, staleOwner }: ByAge): AttemptRef {
  const { attempt } = world.state
  const owner = ownerOf(world, staleOwner)
  if (age === 0 && attempt) return { attemptId: attempt.attemptId, fence: attempt.fence, owner }
  return { ...(recent(world.attempts, age) ?? { attemptId: 'none', fence: 0 }), owner }
}

const ownerOf = ({ epoch }: World, isStale: boolean): Owner => ({
  hostId: `host-${isStale ? epoch - 1 : epoch}`,
  epoch: isStale ? epoch - 1 : epoch,
})

const recent = <T>(things: readonly T[], age: number): T | undefined => things[Math.min(age, things.length - 1)]

function newRequest(world: World, kind: string): Waiting {
  world.count += 1
  return { connectionId: `connection-${world.count % 3}`, requestId: `${kind}-${world.count}` }
}
