/** The part of the environment schemas that the authorizer needs: apart from the others, which would only weigh down its bundle. */
import * as v from 'valibot'

/** Parses a runtime's environment; throws an error that names each missing or wrong variable. */
export function parseEnv<S extends v.GenericSchema>(schema: S, env: NodeJS.ProcessEnv): v.InferOutput<S> {
  const result = v.safeParse(schema, env)
  if (result.success) return result.output
  const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'environment'}: ${issue.message}`)
  throw new Error(`Invalid environment: ${problems.join('; ')}`)
}

export const text = v.pipe(v.string(), v.nonEmpty())

/** What decides about tokens (R30). Either a secret's ARN (HS256) or a JWKS URL. */
export const tokenEntries = {
  TOKEN_SECRET_ARN: v.optional(text),
  TOKEN_JWKS_URL: v.optional(text),
  TOKEN_ISSUER: text,
  TOKEN_AUDIENCE: text,
}

/** Where errors are reported, and as whose (R35). */
export const sentryEntries = {
  /** Empty: nothing is reported. */
  SENTRY_DSN: v.optional(v.string(), ''),
  /** CloudWatch namespace of our metrics: one per stage. */
  METRICS_NAMESPACE: v.optional(text, 'Pairplane/local'),
  BUILD_VERSION: v.optional(text, 'dev'),
}

export const AuthorizerEnv = v.object({ ...tokenEntries, ...sentryEntries })
