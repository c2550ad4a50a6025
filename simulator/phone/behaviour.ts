import { type BadInput, choose, isBadInput } from '../choice.ts'
import type { Channel } from '../wire/channel.ts'
import { behaviours } from './behaviours.ts'
import type { Effect, Stage } from './effect.ts'

/** Behaviour of a phone, and of the service towards its account. */
export type Behaviour = {
  readonly name: string
  readonly params: Readonly<Record<string, unknown>>
  readonly effect: Effect
  /** Uses that are left. After the last one the phone behaves well again. */
  remaining: number
}

/** No deviation, with no limit of uses. */
export const ok: Behaviour = { name: 'ok', params: {}, effect: {}, remaining: Number.POSITIVE_INFINITY }

/** Makes the behaviour that a control request describes, or says which field is invalid. */
export function behaviourFrom(name: unknown, { times, ...params }: Record<string, unknown>): Behaviour | BadInput {
  if (name === 'ok') return ok
  const effect = choose(behaviours, 'behaviour', name, params)
  if (isBadInput(effect)) return effect
  if (times !== undefined && !(typeof times === 'number' && Number.isInteger(times) && times > 0)) {
    return { field: 'times', message: 'times must be a whole number above 0' }
  }
  return { name: String(name), params, effect, remaining: times ?? Number.POSITIVE_INFINITY }
}

/** The part of a phone that these functions need. */
type Behaving = { behaviour: Behaviour }

/** Returns the phone's deviation at one point of the flow, and counts it as one use. Returns undefined without one. */
export function take<Point extends keyof Effect>(phone: Behaving, point: Point): Effect[Point] {
  const value = phone.behaviour.effect[point]
  if (value !== undefined) use(phone)
  return value
}

/** Like {@link take}, but takes only this deviation. Returns true if the phone has it. */
export function takeIf<Point extends keyof Effect>(phone: Behaving, point: Point, value: Effect[Point]): boolean {
  if (phone.behaviour.effect[point] !== value) return false
  use(phone)
  return true
}

/** Disturbs the connection if the phone's behaviour has a disruption at this stage. True means that the flow ends. */
export function disrupted(phone: Behaving, stage: Stage, channel: Channel): boolean {
  const planned = phone.behaviour.effect.disruptAt
  if (planned?.stage !== stage) return false
  use(phone)
  planned.disruption(channel)
  return true
}

function use(phone: Behaving): void {
  phone.behaviour.remaining -= 1
  if (phone.behaviour.remaining === 0) phone.behaviour = ok
}
