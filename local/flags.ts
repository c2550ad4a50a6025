/** Flags of `npm start`. Each can also be set in the environment. */
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { maxShards } from '#shared/config/env.ts'
import { checkArguments } from './cli/arguments.ts'

/** The WhatsApp that the hosts connect to. */
export type WhatsApp =
  | { readonly kind: 'simulated' }
  | { readonly kind: 'live' }
  | { readonly kind: 'url'; readonly url: string; readonly rootKey: string }

export type Settings = {
  readonly port: number
  readonly hosts: number
  readonly shards: number
  readonly dataDir: string | undefined
  readonly whatsapp: WhatsApp
}

/** The parsed command line. */
export type Request =
  | { readonly kind: 'run'; readonly settings: Settings }
  | { readonly kind: 'showHelp' }
  | { readonly kind: 'usageError'; readonly message: string }

export const help = `Runs Pairplane on this machine: the real handlers and hosts, against engines that come from npm.

  npm start -- [flags]

  --port N                  port of the APIs; 0 picks a free one                 (4000, PAIRPLANE_PORT)
  --hosts N                 socket host processes                                (1, PAIRPLANE_HOSTS)
  --shards N                command queues and leases                            (4, PAIRPLANE_SHARDS)
  --data DIR                keep tables, commands, keys and devices in DIR       (in memory, PAIRPLANE_DATA)
  --whatsapp WHICH          simulated, or live for the real one                  (simulated, PAIRPLANE_WHATSAPP)
  --whatsapp-url URL        a WhatsApp simulator of your own, ws://…             (PAIRPLANE_WHATSAPP_URL)
  --whatsapp-root-key HEX   public key that its certificates are checked with    (PAIRPLANE_WHATSAPP_ROOT_KEY)
  --help                    this text

AWS_ENDPOINT_URL replaces the embedded DynamoDB, SQS, KMS and Secrets Manager, e.g. by LocalStack.`

const options = {
  port: { type: 'string' },
  hosts: { type: 'string' },
  shards: { type: 'string' },
  data: { type: 'string' },
  whatsapp: { type: 'string' },
  'whatsapp-url': { type: 'string' },
  'whatsapp-root-key': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const integer = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.string(),
    v.regex(/^\d{1,9}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

const Values = v.object({
  port: v.optional(integer(0, 65_535), '4000'),
  hosts: v.optional(integer(1, 32), '1'),
  shards: v.optional(integer(1, maxShards), '4'),
  data: v.optional(v.pipe(v.string(), v.nonEmpty('must name a folder'))),
  whatsapp: v.optional(v.picklist(['simulated', 'live'], 'must be simulated or live'), 'simulated'),
  'whatsapp-url': v.optional(v.pipe(v.string(), v.regex(/^wss?:\/\/[^\s/]+/, 'must be a ws:// or wss:// URL'))),
  'whatsapp-root-key': v.optional(v.pipe(v.string(), v.regex(/^[0-9a-fA-F]{64}$/, 'must be 32 bytes in hex'))),
})
type Values = v.InferOutput<typeof Values>

/** Parses a command line (without the program's name). Flags override the environment. */
export function readFlags(args: readonly string[], env: NodeJS.ProcessEnv): Request {
  const checked = checkArguments(args, options)
  if (!checked.ok) return usageError(`${checked.error}. See npm start -- --help`)
  const { help, ...given } = parseArgs({ args: [...checked.value], options }).values
  if (help) return { kind: 'showHelp' }
  const fromEnv = Object.keys(Values.entries).map((name) => [name, env[variable(name)]])
  const merged = { ...Object.fromEntries(fromEnv.filter(([, value]) => value !== undefined)), ...given }
  const parsed = v.safeParse(Values, merged)
  if (parsed.success) return toRequest(parsed.output)
  const [issue] = parsed.issues
  const name = v.getDotPath(issue) ?? ''
  const source = Object.hasOwn(given, name) ? `--${name}` : variable(name)
  return usageError(`${source} ${issue.message}, not "${merged[name]}"`)
}

function toRequest(values: Values): Request {
  const { port, hosts, shards, data, whatsapp, 'whatsapp-url': url, 'whatsapp-root-key': rootKey } = values
  if ((url === undefined) !== (rootKey === undefined)) {
    return usageError(url ? '--whatsapp-url needs --whatsapp-root-key' : '--whatsapp-root-key needs --whatsapp-url')
  }
  if (url !== undefined && whatsapp === 'live')
    return usageError('--whatsapp live and --whatsapp-url exclude each other')
  const which: WhatsApp =
    url === undefined || rootKey === undefined ? { kind: whatsapp } : { kind: 'url', url, rootKey }
  return { kind: 'run', settings: { port, hosts, shards, dataDir: data, whatsapp: which } }
}

function variable(name: string): string {
  return `PAIRPLANE_${name.toUpperCase().replaceAll('-', '_')}`
}

function usageError(message: string): Request {
  return { kind: 'usageError', message }
}
