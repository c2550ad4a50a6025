import { type BadInput, choose, isBadInput } from '../choice.ts'
import type { Channel } from '../wire/channel.ts'
import { behaviours } from './behaviours.ts'
import type { Effect, Stage } from './effect.ts'

/** How a phone, and the service on its behalf, behaves. */
export type Behaviour = {
  readonly name: string
  readonly params: Readonly<Record<string, unknown>>
  readonly effect: Effect
  /** How often it will still show; then the phone behaves well again. */
  remaining: number
}

/** The good path, for ever. */
export const ok: Behaviour = { name: 'ok', params: {}, effect: {}, remaining: Number.POSITIVE_INFINITY }

/** The behaviour that a control request describes. */
export function behaviourFrom(name: unknown, { times, ...params }: Record<string, unknown>): Behaviour | BadInput {
  if (name === 'ok') return ok
  const effect = choose(behaviours, 'behaviour', name, params)
  if (isBadInput(effect)) return effect
  if (times !== undefined && !(typeof times === 'number' && Number.isInteger(times) && times > 0)) {
    return { field: 'times', message: 'times must be a whole number above 0' }
  }
  return { name: String(name), params, effect, remaining: times ?? Number.POSITIVE_INFINITY }
}

/** A phone, as far as this file knows it. */
type Behaving = { behaviour: Behaviour }

/** Returns what the phone's behaviour changes at one point of the flow. A change that is returned counts as one use. */
export function take<Point extends keyof Effect>(phone: Behaving, point: Point): Effect[Point] {
  const value = phone.behaviour.effect[point]
  if (value !== undefined) use(phone)
  return value
}

/** Like {@link take}, for points that know several deviations: whether it is this one. */
export function takeIf<Point extends keyof Effect>(phone: Behaving, point: Point, value: Effect[Point]): boolean {
  if (phone.behaviour.effect[point] !== value) return false
  use(phone)
  return true
}

/** Disturbs the connection if the phone's behaviour wants that here; true when the flow ends with it. */
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
