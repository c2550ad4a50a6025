/** Checks of the pages against the code, as far as a machine can check them. */
import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import { expect, it } from 'vitest'
import { errorCodes, errorSpec } from '#shared/domain/values/errors.ts'
import { actionTable, clientActions } from '#shared/protocol/client-messages.ts'
import { answerEvents } from '#shared/protocol/server-messages.ts'
import { httpRoutes } from '../functions/routes.ts'
import { folders, pages, read, root, sources, textsOf } from './support/repository.ts'

/** The sources below any of the folders. */
const sourcesBelow = (...below: readonly string[]) =>
  [...sources].filter(([path]) => below.some((folder) => path.startsWith(`${folder}/`)))
const codeOf = (...below: readonly string[]) =>
  sourcesBelow(...below)
    .map(([, text]) => text)
    .join('\n')
const missing = (paths: readonly string[]) => paths.filter((path) => !existsSync(join(root, path)))

const errorTable = () => {
  const rows = errorCodes.map((code) => {
    const { httpStatus, retryable, action, level, en } = errorSpec(code)
    return `| \`${code}\` | ${httpStatus} | ${retryable ? 'yes' : 'no'} | ${action ?? ''} | ${level} | ${en} |`
  })
  return ['| code | HTTP | retryable | action | log | means |', '| --- | --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}

it('docs/pairing.md shows the error table as it is in the code', () => {
  const written = /<!-- errors: [^>]*-->\n([\s\S]*?)\n<!-- \/errors -->/.exec(read('docs/pairing.md'))?.[1]
  expect(written).toBe(errorTable())
})

it('docs/troubleshooting.md has a row of four cells for every error code, in the order of the code', () => {
  const table = read('docs/troubleshooting.md').split('## Error codes')[1] ?? ''
  const rows = [...table.matchAll(/^\| `(\w+)`(?: \| [^|]+){3} \|$/gm)]
  expect(rows.map(([, code]) => code)).toEqual(errorCodes)
})

it.each([
  'README.md',
  'docs/api.md',
  'docs/requirements.md',
  'docs/troubleshooting.md',
  'docs/pairing.md',
  'docs/runbook.md',
])('%s names no error code and no variable that does not exist', (page) => {
  const upperCase = /\b[A-Z]+(_[A-Z]+)+\b/g
  const variables = ['shared/config/env.ts', 'local/cli/pair.ts'].flatMap((file) => read(file).match(upperCase) ?? [])
  const known = new Set<string>([...errorCodes, ...variables])
  const ofAws = /^AWS_/
  const named = read(page).match(upperCase) ?? []
  expect(named.filter((word) => !known.has(word) && !ofAws.test(word))).toEqual([])
})

it('docs/api.md has a row for every action, with its fields and the event that reports its failure', () => {
  const table = read('docs/api.md').split('| `action` |')[1]?.split('\n\n')[0] ?? ''
  const rows = table
    .split('\n')
    .slice(2)
    .map((row) => row.split('|').slice(1, -1))
  const namesIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
  const described = rows.map(([action, fields, , failure]) => [action, fields, failure].map(namesIn))
  const actual = actionTable.map(({ message, failureEvent }) => {
    const { action, requestId: _, ...fields } = message.entries
    return [[action.literal], Object.keys(fields), [failureEvent]]
  })
  expect(described.map(String).sort()).toEqual(actual.map(String).sort())
})

it('docs/api.md names every action, event and route', () => {
  const page = read('docs/api.md')
  const events = [...read('shared/domain/company/company.ts').matchAll(/\bevent: '([a-z-]+)'/g)].map(
    ([, event = '']) => event,
  )
  const routes = Object.keys(httpRoutes).filter((route) => !route.startsWith('$'))
  expect(events).toContain('pairing-code')
  const names = [...clientActions, ...events, ...routes, ...answerEvents, 'error', 'credentials-reset-error']
  expect(names.filter((name) => !page.includes(`| \`${name}\``) && !page.includes(`, \`${name}\``))).toEqual([])
})

it('every link between pages leads to a file', () => {
  const links = [...pages].flatMap(([page, text]) =>
    [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, to = '']) => posix.join(posix.dirname(page), to)),
  )
  expect(links.length).toBeGreaterThan(10)
  expect(missing(links)).toEqual([])
})

it('every file and folder of the repository that a page names exists', () => {
  // The changelog speaks of the past.
  const present = [...pages].filter(([page]) => page !== 'CHANGELOG.md')
  const path = new RegExp(`\`((?:${[...folders, 'docs'].join('|')})(?:/[\\w.-]+)+)\``, 'g')
  const named = present.flatMap(([, text]) => [...text.matchAll(path)].map(([, to = '']) => to))
  expect(named.length).toBeGreaterThan(100)
  expect(missing([...new Set(named)])).toEqual([])
})

it('docs/architecture.md has a row for every room', () => {
  const table = read('docs/architecture.md').split('## Rooms and walls')[1]?.split('\n## ')[0] ?? ''
  const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) => cell.match(/[\w./-]+/g) ?? [])
  const rooms = sourcesBelow(...folders.filter((folder) => folder !== 'test'))
    .map(([file]) => posix.dirname(file))
    // Files beside the rooms, which have rules of their own.
    .filter((room) => !['functions', 'shared', 'shared/dynamo', 'socket-host'].includes(room))
  const isCovered = (room: string) => rows.some((row) => room === row || room.startsWith(`${row}/`))
  expect([...new Set(rooms)].filter((room) => !isCovered(room))).toEqual([])
})

const anchorsOf = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

it('every link to a heading leads to one', () => {
  const broken = [...pages].flatMap(([page, text]) =>
    [...text.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)]
      .filter(
        ([, to, anchor = '']) => !anchorsOf(to ? read(posix.join(posix.dirname(page), to)) : text).includes(anchor),
      )
      .map(([link]) => `${page}: ${link}`),
  )
  expect(broken).toEqual([])
})

it('the runbook quotes log messages and titles of graphs as they are in the code', () => {
  const prose = read('docs/runbook.md').replaceAll(/^ *```[\s\S]*?^ *```/gm, '')
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
  const quoted = spans.filter((span) => / /.test(span) && !/^(aws|npm|filter|GET|Init) /.test(span))
  const queried = [...read('docs/runbook.md').matchAll(/message in \[(.+)\]/g)].flatMap(
    ([, list = '']) => list.match(/(?<=")[^",]+(?=")/g) ?? [],
  )
  const code = codeOf('cdk', 'functions', 'shared', 'socket-host')
  expect(quoted.length).toBeGreaterThan(8)
  expect(queried).toContain('Pairing requested')
  expect([...quoted, ...queried].filter((words) => !code.includes(`'${words}'`))).toEqual([])
})

it('docs/troubleshooting.md quotes messages of the local run as they are in the code', () => {
  const table = read('docs/troubleshooting.md').split('## On your own machine')[1] ?? ''
  const messages = [...table.matchAll(/^\| `([^`]* [^`]*)` \|/gm)].map(([, message = '']) => message)
  // Only what is the same in every message: no names, numbers or addresses.
  const fixed = messages.flatMap((message) => message.split(/…|"|\d+|http\S+|the simulated WhatsApp|[(),]/))
  const code = codeOf('local')
  expect(messages.length).toBeGreaterThan(5)
  expect(fixed.map((words) => words.trim()).filter((words) => !code.includes(words))).toEqual([])
})

it('no page names a folder of anyone’s machine', () => {
  const ofMachine = /(^|[\s(`"'=])\/(tmp|home|Users|root|var|opt|work)\//m
  expect([...pages].filter(([, text]) => ofMachine.test(text)).map(([page]) => page)).toEqual([])
})

it('no Russian mobile number stands anywhere but the two made-up ones, and their neighbours', () => {
  const texts = textsOf(['*.{md,json}', `{${['.ci', 'docs', ...folders].join(',')}}/**/*.{ts,md}`])
  const written = /(?<!\d)[78]?[\s-]?\(?9\d{2}\)?[\s-]?\d{3}[\s-]?\d{2}[\s-]?\d{2}(?!\d)/g
  const numbers = [...texts].flatMap(([, text]) => text.match(written) ?? [])
  const known = /^[78]?9(00|16)123456\d$/
  expect(numbers.length).toBeGreaterThan(50)
  expect(numbers.filter((number) => !known.test(number.replace(/\D/g, '')))).toEqual([])
})

it('every script and folder that the README names exists', () => {
  const readme = read('README.md')
  const scripts = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)
  expect(Object.keys(JSON.parse(read('package.json')).scripts)).toEqual(expect.arrayContaining(scripts))
  const named = [...readme.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) => cell.match(/[\w/-]+/g) ?? [])
  expect(named).toContain('shared/domain')
  expect(missing(named)).toEqual([])
})
