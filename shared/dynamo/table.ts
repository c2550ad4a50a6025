/** Key and attribute names of both tables, for the infrastructure and the stores. It imports nothing. */

/** Keys of both tables, strings: one definition creates either table. */
export const partitionKey = 'pk'
export const sortKey = 'sk'
/** Epoch seconds after which DynamoDB may delete an item. Never set on live credentials. */
export const ttlAttribute = 'ttl'

export const companyKey = (companyId: string) => `C#${companyId}`
export const shardKeyPrefix = 'SHARD#'
export const shardKey = (shard: number) => `${shardKeyPrefix}${shard}`
export const hostKey = (hostId: string) => `HOST#${hostId}`
export const rateKeyPrefix = 'RATE#'
/** Partition of a caller's request counters, an item per second. */
export const rateKey = (caller: string) => `${rateKeyPrefix}${caller}`
/** Partition of the companies that have linked a phone, by the keyed hash of its class. */
export const phoneKey = (phoneHash: string) => `PHONE#${phoneHash}`
/** Partition of one generation of a company's credentials (credentials table). */
export const generationKey = (companyId: string, generation: string) => `C#${companyId}#G#${generation}`

export const stateSortKey = 'STATE'
export const leaseSortKey = 'LEASE'
export const heartbeatSortKey = 'BEAT'
/**
 * Sort key of a place for a connection. It has another mark than the rows of earlier builds, `CONN#<connectionId>`, for
 * which such a build would take it: it would push to a connection that does not exist, and delete the row.
 */
export const placeSortKey = (place: number) => `${placeSortKeyPrefix}${String(place).padStart(2, '0')}`
export const placeSortKeyPrefix = 'CONN:'
/** Maximum of a company's places, as a multiple of its limit of connections (R34). */
export const maxTimesLimit = 2
export const earlierConnectionSortKeyPrefix = 'CONN#'
/** Sort key of the row that refuses new connections for a time: the query of the places finds it as well. */
export const barSortKey = 'CONN!'
/** Sort key prefix of these rows. */
export const connectionSortKeyPrefix = 'CONN'
/** Sort key prefix of the rows of companies, in a shard and of a phone. */
export const companySortKeyPrefix = 'C#'
