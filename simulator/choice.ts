import * as v from 'valibot'

/** Invalid input: the field, and what is wrong with it. */
export type BadInput = {
  readonly field: string
  readonly message: string
}

/** A named row of a table of behaviours, conditions or disruptions. */
export type Choice<Result> = {
  /** One line for people, in which parameters stand in backquotes. */
  readonly description: string
  /** Parses the parameters. Returns the first problem when they are invalid. */
  choose(params: Readonly<Record<string, unknown>>): Result | BadInput
}

/** Makes a row from its description, the schema of its parameters, and the function that turns them into a result. */
export function choice<Entries extends v.ObjectEntries, Result>(
  description: string,
  entries: Entries,
  make: (params: v.InferOutput<v.StrictObjectSchema<Entries, undefined>>) => Result | BadInput,
): Choice<Result> {
  const schema = v.strictObject(entries)
  return {
    description,
    choose(params) {
      const parsed = v.safeParse(schema, params)
      return parsed.success ? make(parsed.output) : badInput(parsed.issues[0])
    },
  }
}

/**
 * Picks a row by name and gives it the parameters. An unknown name is reported under `field`, with all known names.
 */
export function choose<Result>(
  table: Readonly<Record<string, Choice<Result>>>,
  field: string,
  name: unknown,
  params: Readonly<Record<string, unknown>>,
): Result | BadInput {
  const row = typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined
  return row ? row.choose(params) : { field, message: `${field} must be one of: ${Object.keys(table).join(', ')}` }
}

/** True when {@link choose} returned a problem instead of a result. */
export function isBadInput(result: object): result is BadInput {
  return 'field' in result && 'message' in result
}

/** Turns an issue of a parse into invalid input. An issue with the whole body has the field `body`. */
export function badInput(issue: v.BaseIssue<unknown>): BadInput {
  return { field: v.getDotPath(issue) ?? 'body', message: issue.message }
}
