import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { help, readFlags } from '../../local/flags.ts'

const main = (...args: string[]) => promisify(execFile)(process.execPath, ['local/main.ts', ...args])
const key = 'ab'.repeat(32)

describe('flags', () => {
  test('have defaults', () => {
    expect(readFlags([], {})).toEqual({
      kind: 'run',
      settings: { port: 4000, hosts: 1, shards: 4, dataDir: undefined, whatsapp: { kind: 'simulated' } },
    })
  })

  test('are read in both spellings, and win over the environment', () => {
    const env = { PAIRPLANE_PORT: '1', PAIRPLANE_HOSTS: '3', PAIRPLANE_DATA: 'kept' }
    expect(readFlags(['--port', '0', '--shards=8'], env)).toEqual({
      kind: 'run',
      settings: { port: 0, hosts: 3, shards: 8, dataDir: 'kept', whatsapp: { kind: 'simulated' } },
    })
  })

  test('name another WhatsApp', () => {
    const settings = (args: string[]) => readFlags(args, {})
    expect(settings(['--whatsapp', 'live'])).toMatchObject({ settings: { whatsapp: { kind: 'live' } } })
    expect(settings(['--whatsapp-url', 'ws://127.0.0.1:9/ws', '--whatsapp-root-key', key])).toMatchObject({
      settings: { whatsapp: { kind: 'url', url: 'ws://127.0.0.1:9/ws', rootKey: key } },
    })
  })

  test.each([
    [['--prot', '1'], '--prot'],
    [['4000'], 'Unexpected argument "4000"'],
    [['--port', '1', '1'], 'Unexpected argument "1"'],
    [['--toString'], 'Unknown flag --toString'],
    [['-p'], 'Unknown flag -p'],
    [['--port'], '--port needs a value'],
    [['--data', '--hosts', '2'], '--data needs a value'],
    [['--data='], '--data needs a value'],
    [['--help=yes'], '--help takes no value'],
    [['--port', 'x'], '--port must be a whole number from 0 to 65535, not "x"'],
    [['--port', '65536'], '--port'],
    [['--port', '-1'], '--port'],
    [['--hosts', '0'], '--hosts must be a whole number from 1 to 32, not "0"'],
    [['--hosts', '1.5'], '--hosts'],
    [['--shards', '0'], '--shards'],
    [['--data', ''], '--data needs a value'],
    [['--whatsapp', 'fake'], '--whatsapp must be simulated or live'],
    [['--whatsapp-url', 'http://x', '--whatsapp-root-key', key], '--whatsapp-url must be a ws:// or wss:// URL'],
    [['--whatsapp-url', 'ws://x'], '--whatsapp-url needs --whatsapp-root-key'],
    [['--whatsapp-root-key', key], '--whatsapp-root-key needs --whatsapp-url'],
    [['--whatsapp-url', 'ws://x', '--whatsapp-root-key', 'ab'], '--whatsapp-root-key must be 32 bytes in hex'],
    [['--whatsapp', 'live', '--whatsapp-url', 'ws://x', '--whatsapp-root-key', key], 'exclude each other'],
  ])('%j is refused by name', (args, problem) => {
    expect(readFlags(args, {})).toEqual({ kind: 'usageError', message: expect.stringContaining(problem) })
  })

  test('ask for help, in both spellings', () => {
    expect([readFlags(['--help'], {}), readFlags(['-h'], {})]).toEqual([{ kind: 'showHelp' }, { kind: 'showHelp' }])
  })

  test('a wrong variable is named as one', () => {
    expect(readFlags([], { PAIRPLANE_DATA: '' })).toMatchObject({
      message: 'PAIRPLANE_DATA must name a folder, not ""',
    })
    expect(readFlags([], { PAIRPLANE_SHARDS: 'many' })).toEqual({
      kind: 'usageError',
      message: 'PAIRPLANE_SHARDS must be a whole number from 1 to 64, not "many"',
    })
  })
})

test('a port that is taken is told before anything is started', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  await expect(main('--port', String(port))).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`Port ${port} is in use`),
  })
})

test('the program explains itself and refuses with status 2', async () => {
  expect((await main('--help')).stdout.trim()).toBe(help)
  await expect(main('--ports', '1')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--ports') })
})
