import * as v from 'valibot'

/** Input that does not fit: which field, and what is wrong with it. */
export type BadInput = {
  readonly field: string
  readonly message: string
}

/** One named row of a table of things that can be chosen, with a line of explanation and its parameters. */
export type Choice<Result> = {
  readonly says: string
  choose(params: Readonly<Record<string, unknown>>): Result | BadInput
}

/** Makes a row: what it says, the parameters it takes, and what it comes to. */
export function choice<Entries extends v.ObjectEntries, Result>(
  says: string,
  entries: Entries,
  make: (params: v.InferOutput<v.StrictObjectSchema<Entries, undefined>>) => Result | BadInput,
): Choice<Result> {
  const schema = v.strictObject(entries)
  return {
    says,
    choose(params) {
      const parsed = v.safeParse(schema, params)
      return parsed.success ? make(parsed.output) : badInput(parsed.issues[0])
    },
  }
}

/** Picks a row by name. The other fields of the body are its parameters. */
export function choose<Result>(
  table: Readonly<Record<string, Choice<Result>>>,
  field: string,
  name: unknown,
  params: Readonly<Record<string, unknown>>,
): Result | BadInput {
  const row = typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined
  return row ? row.choose(params) : { field, message: `${field} must be one of: ${Object.keys(table).join(', ')}` }
}

/** Whether a choice failed. */
export function isBadInput(result: object): result is BadInput {
  return 'field' in result && 'message' in result
}

/** The first issue of a parse, as the field it is about. */
export function badInput(issue: v.BaseIssue<unknown>): BadInput {
  return { field: v.getDotPath(issue) ?? 'body', message: issue.message }
}
