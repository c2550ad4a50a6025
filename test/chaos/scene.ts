/** The scene that all acts of a chaos run share. */
import type { Company, Fleet } from '../support/fleet.ts'
import type { Stage } from '../support/stage.ts'
import type { Dice } from './dice.ts'
import type { HealthChecks } from './health-checks.ts'
import type { LinkWatch } from './links.ts'
import type { Pause } from './watch.ts'

/** Kinds of acts: only one of each is played at a time. */
export type Kind = 'host' | 'service' | 'whatsapp' | 'owner'

/** Expected state of a company. `unknown`: the answer to a reset or a request got lost, so either may be true. */
type ExpectedState = 'linked' | 'unlinked' | 'unknown'

export type Scene = {
  readonly stage: Stage
  readonly fleet: Fleet
  readonly random: Dice
  readonly expected: Map<Company, ExpectedState>
  /** Companies whose owner is doing something: no second owner may, because nobody could tell the two answers apart. */
  readonly busy: Set<Company>
  readonly links: LinkWatch
  readonly health: HealthChecks
  readonly pauses: Pause[]
  readonly stuck: string[]
  /** Clicks that were begun. They may end after their outage, and after the last act. */
  readonly clicking: Promise<void>[]
  /** Number of clicks by their act, their phone and their answer. */
  readonly clicks: Map<string, number>
  /** True while an act of that kind is played, and for some seconds after it: what follows may still be its fault. */
  readonly playing: (kind: Kind) => boolean
  /** Returns the ms for an outage of these seconds: less in a short run, and never longer than the rest of the run. */
  readonly outageMs: (seconds: number) => number
  readonly say: (line: string) => void
}

/** Causes a failure; resolves when it is over. */
export type Act = (scene: Scene) => Promise<void>

export const linkedOf = ({ expected }: Pick<Scene, 'expected'>): readonly Company[] =>
  [...expected].filter(([, how]) => how === 'linked').map(([company]) => company)

/** Lets an owner do something with a random company out of some. Nobody else does anything with it meanwhile. */
export async function asOwner(
  { busy, random }: Scene,
  companies: readonly Company[],
  act: (company: Company) => Promise<void>,
): Promise<void> {
  const company = random.pick(companies.filter((each) => !busy.has(each)))
  if (!company) return
  busy.add(company)
  await act(company).finally(() => busy.delete(company))
}
