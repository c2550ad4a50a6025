/** Baileys' Signal repository with bounded caches, and with one question per contact to WhatsApp (R65). */
import { waitAtMost } from '#shared/async/time-limit.ts'
import type { SocketTime } from '../baileys-socket.ts'
import { boundedCache, type RecentCache, recentCache } from '../bounded-cache.ts'

/** Entries of the cache of mappings: two for each contact. A contact that has left it costs one read of a row. */
export const maxMappings = 1000
/** Pairs that are stored by one write. One write for an address book of 10,000 would block the host for a second. */
const pairsPerWrite = 100

/** Contacts whose LID WhatsApp did not know lately. */
const maxUnknown = 500
const unknownMs = 3_600_000
/** Milliseconds that a message may wait for the LID of its sender. */
const lookUpMs = 5000

/** Phone number and LID of a contact, as JIDs. */
type Mapping = { pn: string; lid: string }
type LidMapping = { storeLIDPNMappings(pairs: Mapping[]): Promise<void> }
type Migration = { migrated: number; skipped: number; total: number }
/** The part of Baileys' repository that is changed. */
type Repository = {
  readonly lidMapping: LidMapping
  migrateSession(from: string, to: string): Promise<Migration>
}
type FindLids = (numbers: string[]) => Promise<Mapping[] | undefined>
type MakeRepository<Auth, Logger, Made> = (auth: Auth, logger: Logger, findLids?: FindLids) => Made

/** Returns Baileys' `makeSignalRepository` with bounds, for the settings of a socket. */
export function boundedRepository<Auth, Logger, Made extends Repository>(
  make: MakeRepository<Auth, Logger, Made>,
  time: SocketTime,
): MakeRepository<Auth, Logger, Made> {
  return (auth, logger, findLids) => {
    const repository = make(auth, logger, findLids && askedOnce(findLids, time))
    replaceCache(repository.lidMapping)
    storeInParts(repository.lidMapping)
    migrateOnce(repository)
    return repository
  }
}

/** Replaces the cache of Baileys, which has no bound and starts a timer of three days for each entry. */
function replaceCache(lidMapping: LidMapping): void {
  if (typeof Reflect.get(Object(Reflect.get(lidMapping, 'mappingCache')), 'clear') !== 'function')
    throw new Error('Baileys keeps its mappings elsewhere: their cache is not bounded')
  const cache: RecentCache = recentCache(maxMappings)
  Reflect.set(lidMapping, 'mappingCache', cache)
}

function storeInParts(lidMapping: LidMapping): void {
  const store = lidMapping.storeLIDPNMappings.bind(lidMapping)
  lidMapping.storeLIDPNMappings = async (pairs) => {
    for (let at = 0; at < pairs.length; at += pairsPerWrite) await store(pairs.slice(at, at + pairsPerWrite))
  }
}

/**
 * Looks once for sessions to move to a contact's LID. Baileys reads a row for it at each message of a contact who is
 * addressed by LID; once the mapping is stored, no session comes under the number any more.
 */
function migrateOnce(repository: Repository): void {
  const migrate = repository.migrateSession.bind(repository)
  const done = recentCache(maxMappings)
  repository.migrateSession = async (from, to) => {
    const pair = `${from} ${to}`
    if (done.get(pair) !== undefined) return { migrated: 0, skipped: 0, total: 0 }
    const result = await migrate(from, to)
    done.set(pair, '')
    return result
  }
}

/**
 * Remembers for an hour for which numbers there was no LID: Baileys would ask again at each message. Nor does a message
 * wait a minute for the answer. Its session is then stored under the number.
 */
function askedOnce(find: FindLids, { monotonic, after }: SocketTime): FindLids {
  const unknown = boundedCache(maxUnknown, unknownMs, monotonic)
  return async (numbers) => {
    const asked = numbers.filter((number) => !unknown.get(number))
    if (asked.length === 0) return []
    const found = (await waitAtMost(lookUpMs, find(asked), () => [], after)) ?? []
    for (const number of asked) if (!found.some(({ pn }) => pn === number)) unknown.set(number, true)
    return found
  }
}
