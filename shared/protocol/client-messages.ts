/** Messages from clients over the WebSocket (requirements, "WebSocket API"). */
import * as v from 'valibot'
import { err, ok, type Result } from '#shared/domain/values/result.ts'
import type { FailureEvent } from './server-messages.ts'

export { CompanyId } from './company-id.ts'

/** Limit of a message in bytes; API Gateway's own limits are higher. */
export const maxMessageLength = 4096

const RequestId = v.pipe(
  v.string('requestId must be a string'),
  v.minLength(1, 'requestId must not be empty'),
  v.maxLength(128, 'requestId must have at most 128 characters'),
  // Up to a hundred of them are stored in STATE.
  v.maxBytes(128, 'requestId must have at most 128 bytes in UTF-8'),
)
/** A phone as typed, not normalised yet. */
export const TypedPhone = v.pipe(
  v.string('phoneNumber must be a string'),
  v.maxLength(256, 'phoneNumber must have at most 256 characters'),
)

const requestId = v.optional(RequestId)

/** Defines an action: the fields of its message, and the event that reports its failure. */
const action = <const Name extends string, Fields extends v.ObjectEntries>(
  name: Name,
  fields: Fields,
  failureEvent: FailureEvent,
) => ({ message: v.object({ action: v.literal(name), ...fields, requestId }), failureEvent })

/**
 * All actions, in the order in which the error about an unknown one lists them. `functions/ws/actions.ts` has the
 * handler of each, and `docs/api.md` a row.
 */
export const actionTable = [
  action('request-pairing-code', { phoneNumber: TypedPhone }, 'pairing-code-error'),
  action('request-qr', { phoneNumber: v.optional(TypedPhone) }, 'pairing-code-error'),
  action('cancel-pairing', {}, 'error'),
  action('reset-whatsapp-credentials', {}, 'credentials-reset-error'),
  action('get-status', {}, 'error'),
  action('ping', {}, 'error'),
]

export const ClientMessage = v.variant(
  'action',
  actionTable.map(({ message }) => message),
)
export type ClientMessage = v.InferOutput<typeof ClientMessage>
export type ClientAction = ClientMessage['action']

export const clientActions: readonly ClientAction[] = actionTable.map(({ message }) => message.entries.action.literal)

/** Returns the event that reports the failure of an action. */
export const failureEventOf = (name: ClientAction): FailureEvent => failureEvents[name]

const failureEvents = Object.fromEntries(
  actionTable.map(({ message, failureEvent }) => [message.entries.action.literal, failureEvent]),
) as Readonly<Record<ClientAction, FailureEvent>>

/** Refusal of a message: the wrong field, a sentence for developers, and the request's id if it had a valid one. */
export type BadMessage = { readonly field: string; readonly detail: string; readonly requestId?: string }

/** Parses one WebSocket message; never throws for bad input. */
export function parseClientMessage(body: string | undefined): Result<ClientMessage, BadMessage> {
  const text = body ?? ''
  const json = parseJson(text)
  const usable = v.safeParse(v.object({ requestId: RequestId }), json.ok ? json.value : undefined)
  const bad = (problem: Omit<BadMessage, 'requestId'>) =>
    err({ ...problem, ...(usable.success && { requestId: usable.output.requestId }) })
  if (Buffer.byteLength(text) > maxMessageLength)
    return bad({ field: 'message', detail: `message must have at most ${maxMessageLength} bytes` })
  if (!json.ok) return bad({ field: 'message', detail: 'message must be a JSON object' })
  const parsed = v.safeParse(ClientMessage, json.value)
  return parsed.success ? ok(parsed.output) : bad(firstIssue(parsed.issues))
}

/** Returns the field and the sentence of the first error in an input. */
export function firstIssue(issues: readonly v.BaseIssue<unknown>[]): { field: string; detail: string } {
  const [issue] = issues
  const field = (issue && v.getDotPath(issue)) ?? 'message'
  if (field === 'message') return { field, detail: 'message must be a JSON object' }
  if (field === 'action') return { field, detail: `action must be one of ${clientActions.join(', ')}` }
  return {
    field,
    detail: issue?.received === 'undefined' ? `${field} is missing` : (issue?.message ?? `${field} is wrong`),
  }
}

function parseJson(text: string): Result<unknown, 'notJson'> {
  try {
    return ok(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) return err('notJson')
    throw error
  }
}
