/** States as a newer build might store them: with fields that no other build knows, and with words that describe. */
import { isDeepStrictEqual } from 'node:util'
import type { Waiting } from '#shared/domain/company/attempt.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'

/** Name of the field that only the newer build knows. */
const field = 'newer'
export const newerWord = 'WORD_OF_A_NEWER_BUILD'

type Parts = ReadonlyMap<string, object>

/**
 * Returns the objects of a state by name. Two states have an object of the same name when it is the same one: the same
 * attempt, request, generation or outcome, whichever place it has in the state.
 */
export function partsOf(state: CompanyState): Parts {
  const { attempt, lastAttempt, credentials, session, cleanup } = state
  const parts = new Map<string, object>([['state', state]])
  const add = (name: string, part: object | undefined) => part && parts.set(name, part)
  const addWaiting = (of: string, waiting: readonly Waiting[] = []) => {
    for (const each of waiting) add(`waiting ${each.connectionId} ${each.requestId} in ${of}`, each)
  }
  if (attempt) {
    const name = `attempt ${attempt.attemptId}`
    add(name, attempt)
    addWaiting(name, attempt.waiting)
    if ('owner' in attempt) add(`owner ${attempt.owner.epoch} of ${name}`, attempt.owner)
    if ('shown' in attempt) add(`shown ${Object.values(attempt.shown)[0]} in ${name}`, attempt.shown)
    if (attempt.state === 'storing') add(`link ${attempt.link.generation}`, attempt.link)
    if (attempt.state === 'requested')
      for (const taken of attempt.ticket ?? []) add(`ticket ${taken.key} ${taken.at} of ${name}`, taken)
  }
  add(`outcome ${lastAttempt?.attemptId}`, lastAttempt)
  add(`failure of ${lastAttempt?.attemptId}`, lastAttempt?.failure)
  add(`link ${credentials?.generation}`, credentials)
  add('session', session)
  add('refusals', session?.refusals)
  for (const retired of cleanup) {
    add(`retired ${retired.generation}`, retired)
    addWaiting(`retired ${retired.generation}`, retired.waiting)
  }
  return parts
}

/**
 * Names of the objects that a decision must keep, since they are in the state before and after it. Made anew are: an
 * attempt, its outcome, the entry of a retired link, an owner, a code or QR, and the session of a new link; they have
 * other names, but for that session.
 */
export function keptParts(before: CompanyState, after: CompanyState): readonly string[] {
  const [was, is] = [partsOf(before), partsOf(after)]
  const isNewLink = after.credentials && after.credentials.generation !== before.credentials?.generation
  const isAnew = (name: string) => isNewLink && (name === 'session' || name === 'refusals')
  return [...was.keys()].filter((name) => is.has(name) && !isAnew(name))
}

/** Words that only describe, by the first word of the name of their object. */
const descriptions: Readonly<Record<string, readonly string[]>> = {
  outcome: ['state'],
  failure: ['code', 'action'],
  retired: ['reason'],
  session: ['error'],
}
/** First word of the name of an object. */
export const kindOf = (name: string): string => name.split(' ')[0] ?? ''

/**
 * Returns a copy in which every object has a field of a newer build. With `words`, whatever is described in it is
 * described by a word of a newer build.
 */
export function madeNewer(state: CompanyState, words: boolean): CompanyState {
  const copy = structuredClone(state)
  for (const [name, part] of partsOf(copy)) {
    Object.assign(part, { [field]: { of: [name] } })
    const told = words ? (descriptions[kindOf(name)] ?? []) : []
    for (const word of told) if (word in part) Object.assign(part, { [word]: newerWord })
  }
  return copy
}

/** Names of the objects that a decision has kept, but without the field of the newer build, or with another word. */
export function lostParts(before: CompanyState, after: CompanyState): readonly string[] {
  const [was, is] = [partsOf(before), partsOf(after)]
  return keptParts(before, after).filter((name) => {
    // The error of a session is replaced by the next one.
    const told = name === 'session' ? [] : (descriptions[kindOf(name)] ?? [])
    const [old, next] = [was.get(name) ?? {}, is.get(name) ?? {}]
    return [field, ...told].some((each) => !isDeepStrictEqual(Reflect.get(old, each), Reflect.get(next, each)))
  })
}
