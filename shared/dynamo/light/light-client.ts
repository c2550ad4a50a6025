/**
 * DynamoDB without the SDK's middleware, for hosts: it takes a third of the processor time, and a host makes thousands
 * of calls a minute. Its errors are those of `document-client.ts`; its limits and retries are those of R64 (`retries.ts`).
 */
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { type CallLimits, defaults } from '../document-client.ts'
import type { StoreClient } from '../items.ts'
import { type Attempt, type RetryDeps, repeated, systemRetries } from '../retries.ts'
import { asFailure } from '../store-unavailable.ts'
import { findAccount } from './account.ts'
import { readAnswer } from './answers.ts'
import { type Exchange, type HttpAnswer, httpExchange } from './exchange.ts'
import { bodyOf, operationOf } from './operations.ts'
import type { Identity } from './signature.ts'

/** `wholeMs`: milliseconds for a whole call, with all its tries. */
export type LightLimits = Pick<CallLimits, 'connectMs'> & { readonly wholeMs: number }

export type LightDeps = {
  readonly retries: RetryDeps
  readonly exchange: Exchange
  /** Epoch ms. */
  readonly clock: () => number
}

/** One for the clock, one for the credentials. */
const maxCorrections = 2
/** A smaller difference is no reason for a refusal: the service allows five minutes, and names full seconds. */
const minSkewMs = 60_000
const skewNames = /^(RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|InvalidSignature|SignatureDoesNotMatch)/

/** Makes a client whose failures are `StoreUnavailable`. Endpoint, region and credentials come from the environment. */
export function lightClient(limits: LightLimits, config: DynamoDBClientConfig = {}, deps: Partial<LightDeps> = {}) {
  const { connectMs, maxSockets } = { ...defaults, ...limits }
  const { retries = systemRetries, clock = Date.now, exchange = httpExchange({ connectMs, maxSockets }) } = deps
  const account = findAccount(config)
  /** Time in ms by which the service's clock is ahead. */
  let skewMs = 0

  /** Sends a call, and again when it was refused for a clock or for credentials that could be corrected. */
  async function perform(target: string, body: string, ...[signal, note]: Parameters<Attempt<object>>) {
    note('endpoint')
    const { endpoint, sign } = await account.place()
    for (let corrections = 0; ; corrections++) {
      note('credentials')
      const used = { skewMs, identity: await account.credentials() }
      const headers = sign({ endpoint, target, body, at: clock() + used.skewMs }, used.identity)
      note('connection')
      const answer = await exchange({ endpoint, headers, body }, signal, () => note('answer'))
      try {
        return readAnswer(answer)
      } catch (error) {
        note('credentials')
        const name = error instanceof Error ? error.name : ''
        const correct = skewNames.test(name) ? setClock : /^ExpiredToken/.test(name) ? renewCredentials : undefined
        if (!correct || corrections === maxCorrections || !(await correct(used, answer))) throw error
      }
    }
  }

  /** False when the clock that the call was signed with is right. */
  async function setClock(used: Used, { headers }: HttpAnswer): Promise<boolean> {
    const measuredMs = Date.parse(headers.date ?? '') - clock()
    const isOther = Math.abs(measuredMs - used.skewMs) >= minSkewMs
    if (isOther) skewMs = measuredMs
    return isOther
  }

  /** False when there are no other credentials than those that the call was signed with. */
  async function renewCredentials({ identity: { sessionToken } }: Used): Promise<boolean> {
    const isOther = (identity: Identity) => identity.sessionToken !== sessionToken
    return isOther(await account.credentials()) || isOther(await account.credentials(true))
  }

  const send = async (command: { readonly input: object }) => {
    try {
      const [target, body] = [`DynamoDB_20120810.${operationOf(command)}`, bodyOf(command.input)]
      return await repeated<object>((...waits) => perform(target, body, ...waits), limits.wholeMs, retries)
    } catch (error) {
      throw asFailure(error, 'dynamodb')
    }
  }
  return { send } as StoreClient
}

/** Clock and credentials that a call was signed with. */
type Used = { readonly skewMs: number; readonly identity: Identity }
