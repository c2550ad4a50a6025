/** Baileys' Signal repository with bounded caches, and with one question per contact to WhatsApp (R65). */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { SocketTime } from '../baileys-socket.ts'
import { boundedCache, type RecentCache, recentCache } from '../bounded-cache.ts'

/** Entries of the cache of mappings: two for each contact. A contact that has left it costs one read of a row. */
export const maxMappings = 1000
/** Most pairs of one call that are stored. */
export const maxPairs = 100

/** Contacts whose LID WhatsApp did not know lately. */
const maxUnknown = 500
const unknownMs = 3_600_000
/** Milliseconds that a message may wait for the LID of its sender. */
const lookUpMs = 5000
/** Milliseconds without a question after one that WhatsApp has refused or not answered. */
const pauseMs = 60_000

/** Phone number and LID of a contact, as JIDs. */
type Mapping = { pn: string; lid: string }
type LidMapping = { storeLIDPNMappings(pairs: Mapping[]): Promise<void> }
type Migration = { migrated: number; skipped: number; total: number }
/** The part of Baileys' repository that is changed. */
type Repository = {
  readonly lidMapping: LidMapping
  /** Returns the id of a device's session among the keys. */
  jidToSignalProtocolAddress(jid: string): string
  migrateSession(from: string, to: string): Promise<Migration>
}
type Keys = {
  get(type: 'session', ids: string[]): Promise<{ [id: string]: Uint8Array }> | { [id: string]: Uint8Array }
  set(data: { session: { [id: string]: Uint8Array | null } }): Promise<void> | void
  /** Runs `work` apart from other work under this key. The keys of a socket always have it. */
  transaction?(work: () => Promise<void>, key: string): Promise<void>
}
type FindLids = (numbers: string[]) => Promise<Mapping[] | undefined>
type MakeRepository<Auth, Logger, Made> = (auth: Auth, logger: Logger, findLids?: FindLids) => Made

/** Returns Baileys' `makeSignalRepository` with bounds, for the settings of a socket. */
export function boundedRepository<Auth extends { readonly keys: Keys }, Logger, Made extends Repository>(
  make: MakeRepository<Auth, Logger, Made>,
  time: SocketTime,
): MakeRepository<Auth, Logger, Made> {
  return (auth, logger, findLids) => {
    const find = findLids && askedOnce(findLids, time)
    const repository: Made = make(auth, logger, async (numbers) => {
      const found = await find?.(numbers)
      for (const { pn, lid } of found ?? []) await moveSession(auth.keys, repository, pn, lid)
      return found
    })
    const cache = replaceCache(repository.lidMapping)
    storeNoBooks(repository.lidMapping)
    migrateOnce(auth.keys, repository, cache)
    return repository
  }
}

/** Replaces the cache of Baileys, which has no bound and starts a timer of three days for each entry. */
function replaceCache(lidMapping: LidMapping): RecentCache {
  if (typeof Reflect.get(Object(Reflect.get(lidMapping, 'mappingCache')), 'clear') !== 'function')
    throw new Error('Baileys keeps its mappings elsewhere: their cache is not bounded')
  const cache: RecentCache = recentCache(maxMappings)
  Reflect.set(lidMapping, 'mappingCache', cache)
  return cache
}

/**
 * Stores no address books. One of 10,000 contacts takes half a minute of the core, for contacts of whom most never write;
 * the LID of one who does comes with the message, or WhatsApp is asked for it.
 */
function storeNoBooks(lidMapping: LidMapping): void {
  const store = lidMapping.storeLIDPNMappings.bind(lidMapping)
  lidMapping.storeLIDPNMappings = async (pairs) => {
    if (pairs.length <= maxPairs) await store(pairs)
  }
}

/**
 * Looks once for the session of a device to move to its contact's LID. Baileys looks at each message of a contact who is
 * addressed by LID, and moves those of our own account alone: it knows no devices of contacts. It also asks for each
 * contact of an address book; those have no mapping.
 */
function migrateOnce(keys: Keys, repository: Repository, mappings: RecentCache): void {
  const migrate = repository.migrateSession.bind(repository)
  const done = recentCache(maxMappings)
  repository.migrateSession = async (from, to) => {
    const pair = `${from} ${to}`
    const isMapped = mappings.has(`pn:${/^\d+/.exec(from)?.[0]}`)
    if (!isMapped || done.get(pair) !== undefined) return { migrated: 0, skipped: 0, total: 0 }
    const result = await migrate(from, to)
    if (result.migrated === 0) await moveSession(keys, repository, from, to)
    done.set(pair, '')
    return result
  }
}

/**
 * Moves a session that was begun while WhatsApp did not tell the LID. It would not be found any more: as soon as the LID is
 * known, Baileys looks under that.
 */
async function moveSession(keys: Keys, repository: Repository, pn: string, lid: string): Promise<void> {
  const device = /:\d+(?=@)/.exec(pn)?.[0] ?? ''
  const [from, to] = [pn, lid.replace(/(:\d+)?@/, `${device}@`)].map(repository.jidToSignalProtocolAddress)
  if (from === undefined || to === undefined) return
  await keys.transaction?.(async () => {
    const { [from]: session, [to]: newer } = await keys.get('session', [from, to])
    if (session && !newer) await keys.set({ session: { [from]: null, [to]: session } })
  }, pn)
}

/**
 * Remembers for an hour for which numbers there was no LID: Baileys would ask again at each message. A question that is
 * refused or not answered counts as no LID for now, and no other is asked for a minute: Baileys would lose the message, or
 * make it wait for as long. Its session is then stored under the number.
 */
function askedOnce(find: FindLids, { monotonic, after }: SocketTime): FindLids {
  const unknown = boundedCache(maxUnknown, unknownMs, monotonic)
  let pausedUntil = 0
  return async (numbers) => {
    const asked = numbers.filter((number) => !unknown.get(number))
    if (asked.length === 0 || monotonic() < pausedUntil) return []
    const answer = find(asked).catch(() => undefined)
    const found = await waitAtMost(lookUpMs, answer, () => undefined, after)
    if (!found) {
      pausedUntil = monotonic() + pauseMs
      return []
    }
    for (const number of asked) if (!found.some(({ pn }) => pn === number)) unknown.set(number, true)
    return found
  }
}
