import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { checkArguments } from '../../../local/cli/arguments.ts'

const options = { name: { type: 'string' }, loud: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

describe('arguments', () => {
  test.each([
    [
      ['--name', 'x', '--loud'],
      ['--name=x', '--loud'],
    ],
    [
      ['word', '--name', '-5'],
      ['word', '--name=-5'],
    ],
    [['--name=--x'], ['--name=--x']],
    [['-h'], ['-h']],
  ])('%j are taken', (args, value) => {
    expect(checkArguments(args, options, 1)).toEqual({ ok: true, value })
  })

  test.each([
    [['--nam', 'x'], 'Unknown flag --nam'],
    [['--constructor'], 'Unknown flag --constructor'],
    [['-l'], 'Unknown flag -l'],
    [['--name'], '--name needs a value'],
    [['--name', '--loud'], '--name needs a value'],
    [['--name='], '--name needs a value'],
    [['--loud=1'], '--loud takes no value'],
    [['a', 'b'], 'Unexpected argument "b"'],
  ])('%j are refused by name', (args, error) => {
    expect(checkArguments(args, options, 1)).toEqual({ ok: false, error: expect.stringContaining(error) })
  })
})

type Ran = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }

const run = (program: string, args: readonly string[]) =>
  new Promise<Ran>((resolve) => {
    const env = { ...process.env, PAIRPLANE_URL: 'http://127.0.0.1:1' }
    const child = execFile(process.execPath, [program, ...args], { env }, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode, stdout, stderr }),
    )
  })

describe.each<[string, [string[], string][]]>([
  [
    'local/cli/pair.ts',
    [
      [[], '--company is missing. See npm run pair -- --help'],
      [['--bogus'], 'Unknown flag --bogus. See npm run pair -- --help'],
      [['--company', 'c'], '--phone is missing. See'],
      [['--company', 'c', '--phone'], '--phone needs a value. See'],
      [['--company', 'a b', '--phone', '1'], '--company must have 1 to 64 letters, digits, _ or -, not "a b". See'],
      [['--company', 'c', '--phone', '1', '--lang', 'xx'], '--lang must be ru or en, not "xx". See'],
      [['--company', 'c', '--phone', '1', '--url', 'x'], '--url must be an http(s):// or ws(s):// URL, not "x". See'],
      [['--company', 'c', '--qr', '--type-code'], '--type-code needs --phone. See'],
    ],
  ],
  [
    'local/cli/admin.ts',
    [
      [[], 'COMMAND is missing. See npm run admin -- --help'],
      [['toString'], 'Unknown command toString. See'],
      [['list', '--bogus'], 'Unknown flag --bogus. See'],
      [['status', 'a/b'], 'COMPANY must have 1 to 64 letters, digits, _ or -, not "a/b". See'],
      [['list', '1001'], 'list takes no company, but got "1001". See'],
      [['status', '1001', 'x'], 'Unexpected argument "x"'],
      [['list', '--limit', '1.5', '--token', 't'], '--limit must be a whole number of at least 1, not "1.5". See'],
    ],
  ],
  [
    'local/cli/relist.ts',
    [
      [[], '--table is missing. See npm run relist -- --help'],
      [['--table', 't', '--from', '1'], '--to is missing. See'],
      [['--table', 't', '--from', '-1', '--to', '2'], '--from must be a whole number from 1 to 256, not "-1". See'],
      [['--table', 't', '--from', '1e1', '--to', '2'], '--from must be a whole number'],
    ],
  ],
  [
    'simulator/main.ts',
    [
      [['--bogus'], "Unknown option '--bogus'"],
      [['--port'], "Option '--port <value>' argument missing"],
      [['--port', 'x'], '--port must be a whole number from 0 to 65535, not "x"'],
      [['--control-port', '65536'], '--control-port must be a whole number from 0 to 65535, not "65536"'],
      [['extra'], "Unexpected argument 'extra'"],
    ],
  ],
])('%s', (program, cases) => {
  test('answers each mistake with one line and exit code 2', async () => {
    const answers = await Promise.all(cases.map(async ([args]) => ({ args, ...(await run(program, args)) })))
    expect(answers).toEqual(
      cases.map(([args, line]) => ({ args, exitCode: 2, stdout: '', stderr: expect.stringContaining(line) })),
    )
    for (const { stderr } of answers) expect(stderr.trimEnd()).not.toContain('\n')
  })

  test('explains itself', async () => {
    expect(await run(program, ['--help'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('--'),
      stderr: '',
    })
  })
})
