/** Import rules between rooms, and the other rules of the repository that a machine can check (see CONTRIBUTING.md). */
import { posix } from 'node:path'
import { expect, test } from 'vitest'
import { functionLengths } from './support/function-lengths.ts'
import { sources } from './support/repository.ts'

const files = [...sources.keys()]

type Rule = {
  readonly name: string
  /** Files and folders (ending with `/`) that the rule is about. */
  readonly of: readonly string[]
  /** Files and folders of the repository, packages and `node:` that they may import; a final `/` or `*` means a prefix. */
  readonly may: readonly string[]
}

/** Rooms of functions that both APIs stand on. */
const functionsGround = ['functions/access/', 'functions/telemetry/', 'functions/use-cases/']

/** Files of shared/dynamo that every store stands on. */
const groundFiles = 'batch-get conditional contention document-client items retries store-unavailable table'.split(' ')
const dynamoGround = [...groundFiles, 'shard-companies'].map((file) => `shared/dynamo/${file}.ts`)

/** Rooms below the phones of simulator/, and its tables of choices. */
const simulatorWire = ['simulator/wire/', 'simulator/crypto/', 'simulator/choice.ts']
const simulatorPhones = ['simulator/phone/', 'simulator/messages/', ...simulatorWire]

/** Pure files of the host: they choose steps and say what events mean. */
const pureFiles = ['next-step', 'request-step', 'registration-facts', 'session-facts']
const pureSteps = pureFiles.map((file) => `socket-host/company/${file}.ts`)

/** The first rule that a file falls under is its rule. */
const rules: readonly Rule[] = [
  {
    name: 'only the phone normaliser uses a library in the domain',
    of: ['shared/domain/values/phone.ts', 'shared/domain/values/phone-input.ts'],
    may: ['libphonenumber-js', 'shared/domain/values/'],
  },
  { name: 'values of the domain import no other room', of: ['shared/domain/values/'], may: ['shared/domain/values/'] },
  {
    name: 'the state of a company stands on values',
    of: ['shared/domain/company/'],
    may: ['shared/domain/company/', 'shared/domain/values/'],
  },
  {
    name: 'transitions of an attempt stand on the state of a company, and know no session',
    of: ['shared/domain/attempt/'],
    may: ['shared/domain/attempt/', 'shared/domain/company/', 'shared/domain/values/'],
  },
  {
    name: 'transitions of a session may end an attempt',
    of: ['shared/domain/session/'],
    may: ['shared/domain/session/', 'shared/domain/attempt/', 'shared/domain/company/', 'shared/domain/values/'],
  },
  { name: 'leases and shards know nothing of companies', of: ['shared/domain/fleet/'], may: ['shared/domain/fleet/'] },
  {
    name: 'what is counted is read off the state of a company, never decided',
    of: ['shared/domain/metrics/'],
    may: ['shared/domain/metrics/', 'shared/domain/company/', 'shared/domain/values/'],
  },
  {
    name: 'shared/protocol imports the schema library and the domain',
    of: ['shared/protocol/'],
    may: ['valibot', 'shared/domain/', 'shared/protocol/'],
  },
  {
    name: 'names of tables and metrics, and settings, import nothing',
    of: ['shared/dynamo/table.ts', 'shared/telemetry/metric-names.ts', 'shared/config/settings.ts'],
    may: [],
  },
  {
    name: 'shared/ports.ts imports types of domain and protocol',
    of: ['shared/ports.ts'],
    may: ['shared/domain/', 'shared/protocol/'],
  },
  {
    name: 'the environment schemas import the schema library and settings',
    of: ['shared/config/'],
    may: ['valibot', 'shared/config/'],
  },
  { name: 'how tasks run stands on no other room', of: ['shared/async/'], may: ['node:timers/promises'] },
  ...['clients', 'company', 'credentials', 'fleet', 'light'].map((room) => ({
    name: `shared/dynamo/${room} stands on the table and on lease rows, not on the other rooms beside it`,
    of: [`shared/dynamo/${room}/`],
    may: [
      ...['@aws-sdk/', 'valibot', 'node:', 'shared/domain/', `shared/dynamo/${room}/`, 'shared/ports.ts'],
      ...[...dynamoGround, 'shared/dynamo/fleet/lease-row.ts', 'shared/async/'],
    ],
  })),
  {
    name: 'the ground of shared/dynamo knows no store',
    of: ['shared/dynamo/'],
    may: ['@aws-sdk/', 'valibot', 'node:', 'shared/ports.ts', 'shared/async/', ...dynamoGround],
  },
  {
    name: 'shared/aws imports the AWS SDK, domain, ports, the log and what the stores share',
    of: ['shared/aws/'],
    may: [
      ...['@aws-sdk/', 'node:', 'shared/aws/', 'shared/domain/', 'shared/ports.ts', 'shared/telemetry/log.ts'],
      ...dynamoGround,
    ],
  },
  { name: 'shared imports only shared', of: ['shared/'], may: ['node:', 'shared/'] },
  { name: 'functions/routes.ts is plain data', of: ['functions/routes.ts'], may: [] },
  {
    name: 'the stack around the functions knows none of them',
    of: ['functions/stack.ts', 'functions/failures.ts'],
    may: ['functions/failures.ts', 'functions/telemetry/', 'shared/', 'valibot'],
  },
  {
    name: 'access, telemetry and use cases of functions know neither API, nor how they are wired',
    of: functionsGround,
    may: [...functionsGround, ...['shared/', 'jose', 'valibot', 'ulid', 'node:', '@sentry/aws-serverless']],
  },
  {
    name: 'the wiring of functions knows neither API',
    of: ['functions/wiring/'],
    may: ['functions/wiring/', ...functionsGround, 'shared/'],
  },
  ...['http', 'ws'].map((api) => ({
    name: `functions/${api} does not know the other API`,
    of: [`functions/${api}/`],
    may: [
      ...[`functions/${api}/`, ...functionsGround],
      ...[
        'functions/wiring/',
        'functions/stack.ts',
        'functions/failures.ts',
        'functions/language.ts',
        'shared/',
        'valibot',
      ],
      ...['ulid', 'node:'],
    ],
  })),
  {
    name: 'functions import shared and valibot; never socket-host, local, simulator or cdk',
    of: ['functions/'],
    may: ['functions/', 'shared/', 'valibot', 'node:'],
  },
  {
    name: 'only four files know Baileys',
    of: [
      'socket-host/whatsapp/baileys-connection.ts',
      'socket-host/whatsapp/credentials/auth-state.ts',
      'socket-host/whatsapp/patches/',
    ],
    may: ['@whiskeysockets/baileys', 'whatsapp-rust-bridge', 'socket-host/whatsapp/', 'shared/', 'valibot', 'node:'],
  },
  {
    name: 'the next step and the facts of sockets are pure: they import the domain and the events of the port',
    of: pureSteps,
    may: ['shared/domain/', 'socket-host/whatsapp/port.ts', ...pureSteps],
  },
  {
    name: 'WhatsApp’s room knows neither companies nor the fleet',
    of: ['socket-host/whatsapp/'],
    may: ['socket-host/whatsapp/', 'shared/', 'valibot', 'node:'],
  },
  {
    name: 'a company on a host knows WhatsApp by its port, and not the fleet',
    of: ['socket-host/company/'],
    may: ['socket-host/company/', 'socket-host/whatsapp/port.ts', 'socket-host/time.ts', 'shared/', 'ulid', 'node:'],
  },
  {
    name: 'the fleet knows companies, and not WhatsApp',
    of: ['socket-host/fleet/'],
    may: [
      ...['socket-host/fleet/', 'socket-host/company/', 'socket-host/time.ts', 'shared/'],
      ...['@aws-sdk/client-sqs', 'valibot', 'node:'],
    ],
  },
  {
    name: 'socket-host imports shared and its own libraries; never functions, local, simulator or cdk',
    of: ['socket-host/'],
    may: ['socket-host/', 'shared/', '@sentry/node', '@aws-sdk/client-sqs', 'valibot', 'ulid', 'node:'],
  },
  {
    name: 'cdk imports names, settings, environment schemas and routes; handlers by path only',
    of: ['cdk/'],
    may: [
      ...['cdk/', 'cdk.json', 'package.json', 'functions/routes.ts', 'shared/config/', 'shared/dynamo/table.ts'],
      ...['shared/telemetry/metric-names.ts', 'aws-cdk-lib', 'constructs', 'cdk-nag', 'esbuild', 'valibot', 'node:'],
    ],
  },
  {
    name: 'what points a client at the simulator imports nothing of it',
    of: ['simulator/trust.ts', 'simulator/trust-settings.ts'],
    may: ['simulator/trust-settings.ts', '@whiskeysockets/baileys'],
  },
  { name: 'tables of choices import the schema library only', of: ['simulator/choice.ts'], may: ['valibot'] },
  {
    name: 'the cryptography of the simulator imports no other room',
    of: ['simulator/crypto/'],
    may: ['simulator/crypto/', '@whiskeysockets/baileys', 'node:'],
  },
  {
    name: 'the wire of the simulator imports its cryptography, and knows neither phones nor the service',
    of: ['simulator/wire/'],
    may: [...simulatorWire, '@whiskeysockets/baileys', 'valibot', 'ws', 'node:'],
  },
  {
    name: 'simulated phones and their messages import the wire, and get the service passed in',
    of: ['simulator/phone/', 'simulator/messages/'],
    may: [...simulatorPhones, '@whiskeysockets/baileys', 'whatsapp-rust-bridge', 'valibot', 'node:'],
  },
  {
    name: 'the simulated service imports phones and the wire, and how phone numbers are masked',
    of: ['simulator/service/'],
    may: [
      ...['simulator/service/', ...simulatorPhones],
      ...['shared/domain/values/phone.ts', 'shared/telemetry/redact.ts'],
      ...['@whiskeysockets/baileys', 'valibot', 'ws', 'node:'],
    ],
  },
  {
    name: 'the control routes import every room of the simulator, but not the program',
    of: ['simulator/control/'],
    may: ['simulator/control/', 'simulator/service/', ...simulatorPhones, 'valibot', 'node:'],
  },
  {
    name: 'the simulated WhatsApp imports nothing of the product but what its service may',
    of: ['simulator/'],
    may: ['simulator/', 'valibot', 'node:'],
  },
  {
    name: 'the command lines of local know the product by its APIs alone',
    of: ['local/cli/'],
    may: ['local/cli/', 'shared/', '@aws-sdk/', 'valibot', 'ws', 'node:'],
  },
  {
    name: 'the engines of local know neither templates nor functions',
    of: ['local/services/'],
    may: ['local/services/', 'local/faults.ts', 'shared/', '@aws-sdk/', 'dynalite', 'fauxqs', 'valibot', 'node:'],
  },
  {
    name: 'templates are read into a cloud whose parts live in the engines',
    of: ['local/template/'],
    may: ['local/template/', 'local/services/', 'shared/', '@aws-sdk/', 'valibot', 'node:'],
  },
  {
    name: 'functions are invoked as the cloud describes them',
    of: ['local/invoke/'],
    may: ['local/invoke/', 'local/template/', 'local/services/', 'shared/', '@aws-sdk/', 'valibot', 'node:'],
  },
  {
    name: 'the gateway invokes functions and does not know the hosts',
    of: ['local/gateway/'],
    may: ['local/gateway/', 'local/invoke/', 'local/template/', 'local/services/', 'shared/', 'valibot', 'ws', 'node:'],
  },
  {
    name: 'local hosts do not know the gateway',
    of: ['local/hosts/'],
    may: [
      ...['local/hosts/', 'local/invoke/', 'local/template/', 'local/services/', 'local/whatsapp-service.ts'],
      ...['shared/', '@aws-sdk/', 'valibot', 'node:'],
    ],
  },
  {
    name: 'local imports shared, the simulator and the engines; product code and cdk by path only',
    of: ['local/'],
    may: ['local/', 'shared/', 'simulator/', '@aws-sdk/', 'dynalite', 'fauxqs', 'jose', 'valibot', 'ws', 'node:'],
  },
  { name: 'tests import anything', of: ['test/'], may: ['*'] },
]

const ruleOf = (file: string) => rules.find(({ of }) => of.some((path) => matches(path, file)))

/** `a/` stands for all below it, `a` for itself and, being a package, for its subpaths; `node:` and `*` are prefixes. */
function matches(allowed: string, target: string): boolean {
  if (allowed === '*') return true
  return target === allowed || target.startsWith(/[/:]$/.test(allowed) ? allowed : `${allowed}/`)
}

type Import = { readonly file: string; readonly target: string; readonly isType: boolean }

const statement =
  /^(?:import|export)\s+(type\s+)?(?:(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)?\s*from\s+)?'([^'\n]+)'/gm
const dynamic = /\bimport\(\s*'([^'\n]+)'\s*\)/g

function importsOf(file: string, source: string): Import[] {
  const found = [...source.matchAll(statement)].map((match) => ({
    isType: match[1] !== undefined,
    path: match[2] ?? '',
  }))
  const lazy = [...source.matchAll(dynamic)].map((match) => ({ isType: false, path: match[1] ?? '' }))
  return [...found, ...lazy].map(({ isType, path }) => ({ file, target: resolved(file, path), isType }))
}

function resolved(file: string, path: string): string {
  if (path.startsWith('#shared/')) return path.slice(1)
  return path.startsWith('.') ? posix.join(posix.dirname(file), path) : path
}

const imports = [...sources].flatMap(([file, source]) => importsOf(file, source))
const offending = (breaks: (file: string, source: string) => boolean) =>
  [...sources].filter(([file, source]) => breaks(file, source)).map(([file]) => file)

test('imports are found at all', () => {
  expect(files.length).toBeGreaterThan(100)
  expect(imports).toContainEqual({
    file: 'shared/domain/attempt/pairing.ts',
    target: 'shared/domain/values/phone.ts',
    isType: false,
  })
  expect(imports).toContainEqual({ file: 'shared/ports.ts', target: 'shared/domain/company/company.ts', isType: true })
})

test('every file has a rule', () => {
  expect(files.filter((file) => !ruleOf(file))).toEqual([])
})

test('every file imports only what its rule allows', () => {
  const broken = imports.flatMap(({ file, target }) => {
    const rule = ruleOf(file)
    return rule?.may.some((allowed) => matches(allowed, target)) ? [] : [`${file} imports ${target}: ${rule?.name}`]
  })
  expect(broken).toEqual([])
})

test('shared/ports.ts imports types only', () => {
  expect(imports.filter(({ file, isType }) => file === 'shared/ports.ts' && !isType)).toEqual([])
})

/** Circles among the files that these imports lead through, each as `a -> b -> a`. */
function circlesAmong(edges: readonly Import[]): string[] {
  const next = Map.groupBy(edges, ({ file }) => file)
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (done.has(file)) return
    done.add(file)
    for (const { target } of next.get(file) ?? []) if (sources.has(target)) visit(target, [...path, file])
  }
  for (const file of files) visit(file, [])
  return circles
}

test('no file imports itself in a circle, types apart', () => {
  expect(circlesAmong(imports.filter(({ isType }) => !isType))).toEqual([])
})

test('simulator has no circle, types included', () => {
  expect(circlesAmong(imports.filter(({ file }) => file.startsWith('simulator/')))).toEqual([])
})

test('no source is longer than 250 lines, and no test than 400', () => {
  const lengths = [...sources].map(([file, source]) => ({ file, lines: source.trimEnd().split('\n').length }))
  expect(lengths.filter(({ file, lines }) => lines > (file.startsWith('test/') ? 400 : 250))).toEqual([])
})

test('only one module retires stored credentials (R45)', () => {
  const retiring = [...sources].filter(
    ([file, source]) => /^(shared|functions|socket-host)\//.test(file) && /\bretire(Link)?\(/.test(source),
  )
  expect(retiring.map(([file]) => file).sort()).toEqual([
    'shared/domain/company/cleanup.ts',
    'shared/domain/company/retirement.ts',
  ])
})

const maxFunctionLines = 60
const longFunctions = (source: string) => functionLengths(source).filter(({ lines }) => lines > maxFunctionLines)

test('no function has more than 60 lines, apart from the closures of test suites', () => {
  const long = [...sources]
    .filter(([file]) => !/\.(test|contract)\.ts$/.test(file))
    .flatMap(([file, source]) => longFunctions(source).map(({ line, lines }) => `${file}:${line} has ${lines} lines`))
  expect(long).toEqual([])
})

test.each<[string, string, string]>([
  ['a function', 'export function f(a: number): number {', '}'],
  ['an arrow function', 'const f = (a: number) => {', '}'],
  ['an arrow function that returns an object', 'const f = (a: number) => ({', '})'],
  ['a method', 'const o = { async f(a: number): Promise<void> {', '} }'],
  ['a closure', 'const f = () => [1].map((a) => {', '})'],
])('%s is long with 61 lines, and not with 60', (_name, first, last) => {
  const withLines = (lines: number) => ['', first, ...Array.from({ length: lines - 2 }, () => ''), last].join('\n')
  expect(longFunctions(withLines(60))).toEqual([])
  expect(longFunctions(withLines(61))).toContainEqual({ line: 2, lines: 61 })
})

test('no test mocks modules or functions, is skipped, or runs alone', () => {
  expect(offending((_, source) => /\bvi\.(mock|doMock|fn|spyOn)\(/.test(source))).toEqual([])
  expect(offending((_, source) => /\b(it|test|describe)\.(only|skip|todo)\b/.test(source))).toEqual([])
})

test('no file silences the type checker', () => {
  expect(offending((_, source) => /@ts-(ignore|nocheck|expect-error)/.test(source))).toEqual([])
})

test('no file has a leftover to do', () => {
  expect(offending((file, source) => file !== 'test/architecture.test.ts' && /\b(TODO|FIXME)\b/.test(source))).toEqual(
    [],
  )
})
