/**
 * DynamoDB without the SDK's middleware, for hosts: it takes a third of the processor time, and a host makes thousands
 * of calls a minute. Limits, retries and errors are those of `document-client.ts`.
 */
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import type { CallLimits } from '../document-client.ts'
import { defaults } from '../document-client.ts'
import type { StoreClient } from '../items.ts'
import { type RetryDeps, repeated, systemRetries } from '../retries.ts'
import { asFailure } from '../store-unavailable.ts'
import { type Account, findAccount } from './account.ts'
import { readAnswer } from './answers.ts'
import { type Exchange, type HttpAnswer, httpExchange } from './exchange.ts'
import { bodyOf, operationOf } from './operations.ts'
import { type Identity, type Sign, signer } from './signature.ts'

/** `wholeMs`: milliseconds for a whole call, with all its tries. */
export type LightLimits = Pick<CallLimits, 'connectMs'> & { readonly wholeMs: number }

export type LightDeps = {
  readonly retries: RetryDeps
  readonly exchange: Exchange
  /** Epoch ms. */
  readonly clock: () => number
}

/** Makes a client whose failures are `StoreUnavailable`. Endpoint, region and credentials come from the environment. */
export function lightClient(
  { wholeMs, connectMs = defaults.connectMs }: LightLimits,
  config: DynamoDBClientConfig = {},
  deps: Partial<LightDeps> = {},
): StoreClient {
  const { retries = systemRetries, clock = Date.now } = deps
  const exchange = deps.exchange ?? httpExchange({ connectMs, maxSockets: defaults.maxSockets })
  const line: Line = { account: findAccount(config), exchange, clock, skewMs: 0, sign: undefined }
  const send = async (command: { readonly input: object }) => {
    try {
      const call = { target: `DynamoDB_20120810.${operationOf(command)}`, body: bodyOf(command.input) }
      return await repeated((signal) => perform(line, call, signal), wholeMs, retries)
    } catch (error) {
      throw asFailure(error, 'dynamodb')
    }
  }
  return { send: send as StoreClient['send'] }
}

/** Shared by all calls of a client. `skewMs`: time by which the service's clock is ahead. */
type Line = {
  readonly account: Account
  readonly exchange: Exchange
  readonly clock: () => number
  skewMs: number
  sign: Sign | undefined
}
type Call = { readonly target: string; readonly body: string }
/** Clock and credentials that a request was signed with. */
type Signed = { readonly skewMs: number; readonly identity: Identity }

/** One for the clock, one for the credentials. */
const maxCorrections = 2
/** A smaller difference is no reason for a refusal: the service allows five minutes, and names full seconds. */
const minSkewMs = 60_000

const skewNames = /^(RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|InvalidSignature|SignatureDoesNotMatch)/
const expiredNames = /^ExpiredToken/

/** Sends a call, and again when it was refused for a clock or for credentials that could be corrected. */
async function perform(line: Line, call: Call, signal: AbortSignal): Promise<object> {
  const { endpoint, region } = await line.account.place()
  line.sign ??= signer(region)
  for (let corrections = 0; ; corrections++) {
    const signed = { skewMs: line.skewMs, identity: await line.account.credentials() }
    const headers = line.sign({ endpoint, ...call, at: line.clock() + signed.skewMs }, signed.identity)
    const answer = await line.exchange({ endpoint, headers, body: call.body }, signal)
    try {
      return readAnswer(answer)
    } catch (error) {
      if (corrections === maxCorrections || !(await correct(line, signed, error, answer))) throw error
    }
  }
}

/** False when the error has another reason, or when nothing has changed since the call was signed. */
async function correct(line: Line, signed: Signed, error: unknown, { headers }: HttpAnswer): Promise<boolean> {
  if (!(error instanceof Error)) return false
  if (skewNames.test(error.name)) {
    const skewMs = Date.parse(headers.date ?? '') - line.clock()
    if (!(Math.abs(skewMs - signed.skewMs) >= minSkewMs)) return false
    line.skewMs = skewMs
    return true
  }
  if (!expiredNames.test(error.name)) return false
  const isOther = (identity: Identity) => identity.sessionToken !== signed.identity.sessionToken
  return isOther(await line.account.credentials()) || isOther(await line.account.credentials(true))
}
