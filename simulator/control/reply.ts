import * as v from 'valibot'
import { type BadInput, badInput } from '../choice.ts'

/** The answer of a control route. */
export type Reply = {
  readonly status: number
  readonly body: unknown
}

/** Carries out one control request. The path is the whole one, such as `/simulator/phones/79001234567/enter-code`. */
export type Control = (method: string, path: string, body?: unknown) => Promise<Reply>

/** The unchecked body of a control request. */
export type Body = Readonly<Record<string, unknown>>

/** Parses a body and calls `act` with it. An invalid body is answered with 400 and the name of the field. */
export function parsed<Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
  act: (input: v.InferOutput<Schema>) => Reply | Promise<Reply>,
): Reply | Promise<Reply> {
  const result = v.safeParse(schema, body)
  return result.success ? act(result.output) : refused(badInput(result.issues[0]))
}

/** The answer to a request that succeeded. */
export function done(body: unknown): Reply {
  return { status: 200, body }
}

/** The answer to a request with invalid input. */
export function refused(input: BadInput): Reply {
  return { status: 400, body: input }
}

/** The answer to a request for an unknown route. */
export function notFound(method: string, path: string): Reply {
  return { status: 404, body: { message: `no route ${method} ${path}` } }
}
