/**
 * Reading a resource's properties. Each must be listed as used, or as making no difference locally; any other is
 * refused.
 */
import * as v from 'valibot'
import type { Resource } from './assembly.ts'

/** Known properties of a resource type. */
export type PropertySpec<E extends v.ObjectEntries> = {
  readonly used: E
  /** Properties that make no difference in a local run, such as tags. */
  readonly inert: readonly string[]
}

/** Resolves and parses the used properties. Throws an error that names a property that is not listed or not valid. */
export async function readProperties<const E extends v.ObjectEntries>(
  resource: Resource,
  spec: PropertySpec<E>,
  resolve: (value: unknown) => Promise<unknown>,
): Promise<v.InferOutput<v.ObjectSchema<E, undefined>>> {
  const unknown = Object.keys(resource.properties).filter(
    (name) => !Object.hasOwn(spec.used, name) && !spec.inert.includes(name),
  )
  if (unknown.length > 0)
    throw new Error(`${describe(resource)}: the local run does not understand ${unknown.join(', ')}`)
  const used = Object.entries(resource.properties).filter(([name]) => Object.hasOwn(spec.used, name))
  const parsed = v.safeParse(v.object(spec.used), await resolveIn(resource, Object.fromEntries(used), resolve))
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new Error(`${describe(resource)}: ${v.getDotPath(issue) ?? 'properties'}: ${issue.message}`)
}

/** Returns the name of a resource for error messages. */
export function describe(resource: Resource): string {
  return `${resource.type} ${resource.stack}/${resource.id}`
}

async function resolveIn(
  resource: Resource,
  value: unknown,
  resolve: (value: unknown) => Promise<unknown>,
): Promise<unknown> {
  try {
    return await resolve(value)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${describe(resource)}: ${reason}`, { cause: error })
  }
}

/** Schema of a number that a template may have as text. */
export const numeric = v.pipe(v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/))]), v.transform(Number))
/** Schema of a flag that a template may have as text. */
export const flag = v.pipe(
  v.union([v.boolean(), v.picklist(['true', 'false'])]),
  v.transform((value) => value === true || value === 'true'),
)
