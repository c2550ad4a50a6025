/** `Idempotency-Key` header: for a day the same key and request get the same answer. */
import { createHash } from 'node:crypto'
import { err, ok } from '#shared/domain/values/result.ts'
import type { IdempotencyStore } from '#shared/dynamo/clients/idempotency-store.ts'
import type { Log } from '#shared/telemetry/log.ts'
import { badRequest, type CompanyRequest, type Reply } from './request.ts'
import { json, type Problem } from './responses.ts'

export type IdempotencyDeps = {
  readonly idempotency: IdempotencyStore
  readonly clock: () => number
  readonly log: Log
}

const header = 'Idempotency-Key'
/** Printable ASCII, as in any header. */
const wellFormed = /^[\x21-\x7e]{1,128}$/

const otherRequest: Problem = {
  code: 'BAD_REQUEST',
  status: 422,
  field: header,
  detail: `${header} was used for another request`,
}

/**
 * Runs the request, or repeats its earlier answer. Only answers with status 202 are kept, so a request that failed may
 * be sent again under its key. Without the header it always runs.
 */
export async function idempotently(
  request: CompanyRequest<unknown>,
  deps: IdempotencyDeps,
  run: () => Promise<Reply>,
): Promise<Reply> {
  const key = request.event.headers['idempotency-key']
  if (key === undefined) return run()
  if (!wellFormed.test(key)) return badRequest(header, `${header} must have 1 to 128 printable characters`)
  const keyHash = hash([request.companyId, request.caller.role, key])
  const taken = await deps.idempotency.take(keyHash, hash([request.event.routeKey, request.input]), deps.clock())
  if (taken.kind === 'otherRequest') return err(otherRequest)
  if (taken.kind === 'repeated' && taken.answer !== undefined) return ok(json(202, JSON.parse(taken.answer)))
  const reply = await run()
  if (reply.ok && reply.value.statusCode === 202) await keepAnswer(keyHash, reply.value.body, deps)
  return reply
}

async function keepAnswer(keyHash: string, answer: string, { idempotency, log }: IdempotencyDeps): Promise<void> {
  try {
    await idempotency.keep(keyHash, answer)
  } catch (error) {
    // The request itself succeeded. If it is repeated, it joins the attempt that it has started.
    log.warn('Could not keep an answer under its idempotency key', { error })
  }
}

const hash = (parts: unknown): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex')
