/** Environment schema of the authorizer: a file of its own, so that its bundle stays small. */
import * as v from 'valibot'
import { jwksUrlPattern, jwksUrlRule } from './jwks-url.ts'

/** Parses a runtime's environment; throws an error that names each missing or wrong variable. */
export function parseEnv<S extends v.GenericSchema>(schema: S, env: NodeJS.ProcessEnv): v.InferOutput<S> {
  const result = v.safeParse(schema, env)
  if (result.success) return result.output
  const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'environment'}: ${issue.message}`)
  throw new Error(`Invalid environment: ${problems.join('; ')}`)
}

export const text = v.pipe(v.string(), v.nonEmpty())

/** Variables for the check of tokens (R30). Either the ARN of a secret (HS256) or a JWKS URL is needed. */
export const tokenEntries = {
  TOKEN_SECRET_ARN: v.optional(text),
  TOKEN_JWKS_URL: v.optional(v.pipe(v.string(), v.regex(jwksUrlPattern, jwksUrlRule))),
  TOKEN_ISSUER: text,
  TOKEN_AUDIENCE: text,
}

/** Variables for error reports and metrics (R35, R36). */
export const sentryEntries = {
  /** Address of error reports; nothing is reported when it is empty. */
  SENTRY_DSN: v.optional(v.string(), ''),
  /** CloudWatch namespace of the stage's metrics. */
  METRICS_NAMESPACE: v.optional(text, 'Pairplane/local'),
  BUILD_VERSION: v.optional(text, 'dev'),
}

export const AuthorizerEnv = v.object({ ...tokenEntries, ...sentryEntries })
