import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { messagingPhone } from '../../simulator/control/messages-client.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { readTrustSettings } from '../../simulator/trust-settings.ts'
import { temporary } from '../support/temporary.ts'
import {
  behave,
  connect,
  end,
  linkByCode,
  linkedDevice,
  newNumber,
  phoneReport,
  reportOf,
  verifyStrictly,
} from './companion.ts'

let folder: string

beforeAll(() => {
  verifyStrictly()
  folder = temporary()
})

describe('with a state file', { timeout: 60_000 }, () => {
  test('a restart keeps the root key, the devices and how phones behave', async () => {
    const stateFile = join(folder, 'restart.json')
    const [number, other] = [newNumber(), newNumber()]
    const before = await startSimulator({ stateFile })
    const auth = await linkedDevice(before, number)
    await behave(before, other, 'rate-limited')
    await before.close()
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600)

    const after = await startSimulator({ stateFile })
    expect(after.rootKey).toBe(before.rootKey)
    const companion = connect(after, auth)
    await companion.opened
    expect(await phoneReport(after, number)).toMatchObject({ devices: [{ device: 1, preKeys: 812, logins: 2 }] })
    expect(await phoneReport(after, other)).toMatchObject({ behaviour: 'rate-limited' })
    // The pre-keys are lost, the signed one is not.
    const sent = await messagingPhone(after.control, number).send({ from: other, wait: true })
    expect(sent).toMatchObject({ answers: [{ by: 'receipt' }] })
    expect((await reportOf(after)).violations.total).toBe(0)
    await end(companion)
    await after.close()
  })

  test('a device that was removed before the restart is not taken for one that never was', async () => {
    const stateFile = join(folder, 'removed.json')
    const number = newNumber()
    const before = await startSimulator({ stateFile })
    const auth = await linkByCode(before, number)
    await before.control('POST', `/simulator/phones/${number}/unlink`, {})
    await before.close()
    const after = await startSimulator({ stateFile })
    expect((await connect(after, auth).closed).status).toBe(401)
    expect((await reportOf(after)).violations.total).toBe(0)
    await after.close()
  })

  test('a file that is not a state is rejected and not overwritten', async () => {
    const stateFile = join(folder, 'other.json')
    await writeFile(stateFile, '{"version":2}')
    await expect(startSimulator({ stateFile })).rejects.toThrow()
    expect(await readFile(stateFile, 'utf8')).toBe('{"version":2}')
  })
})

test('a root key can be given, and must be one', async () => {
  const rootKey = '11'.repeat(32)
  const [one, two] = [await startSimulator({ rootKey }), await startSimulator({ rootKey })]
  expect(one.rootKey).toBe(two.rootKey)
  await Promise.all([one.close(), two.close()])
  await expect(startSimulator({ rootKey: 'secret' })).rejects.toThrow('32 bytes in hex')
})

describe('as a process of its own', { timeout: 60_000 }, () => {
  test('survives a kill right after a link, and stops on SIGTERM', async () => {
    const stateFile = join(folder, 'killed.json')
    const number = newNumber()
    const first = await launch(stateFile)
    const auth = await linkByCode(first.simulator, number)
    // Wait until the link is on disk: writes are delayed by some milliseconds.
    await expect.poll(() => readFile(stateFile, 'utf8'), { interval: 5, timeout: 2000 }).toContain('"id":1')
    await first.stop('SIGKILL')

    const second = await launch(stateFile)
    const companion = connect(second.simulator, auth)
    await companion.opened
    expect(await second.stop('SIGTERM')).toBe(0)
    expect((await companion.closed).status).toBe(428)
  })

  test('the preload points Baileys at it, or keeps the process from starting', async () => {
    const rootKey = 'ab'.repeat(32)
    const url = 'ws://127.0.0.1:9/ws/chat'
    const settings = await preload({ PAIRPLANE_WHATSAPP_URL: url, PAIRPLANE_WHATSAPP_ROOT_KEY: rootKey })
    expect(settings).toEqual({ status: 0, output: `${url} ${rootKey}\n` })
    expect(await preload({ PAIRPLANE_WHATSAPP_URL: url })).toEqual({ status: 1, output: '' })
  })

  test.each([
    [{}, 'PAIRPLANE_WHATSAPP_URL'],
    [{ PAIRPLANE_WHATSAPP_URL: 'nowhere' }, 'PAIRPLANE_WHATSAPP_URL'],
    [{ PAIRPLANE_WHATSAPP_URL: 'http://127.0.0.1' }, 'PAIRPLANE_WHATSAPP_URL'],
    [{ PAIRPLANE_WHATSAPP_URL: 'ws://127.0.0.1' }, 'PAIRPLANE_WHATSAPP_ROOT_KEY'],
    [{ PAIRPLANE_WHATSAPP_URL: 'ws://127.0.0.1', PAIRPLANE_WHATSAPP_ROOT_KEY: 'abc' }, 'PAIRPLANE_WHATSAPP_ROOT_KEY'],
  ])('the settings %o are refused for %s', (env, variable) => {
    expect(() => readTrustSettings(env)).toThrow(variable)
  })
})

const simulatorFolder = join(import.meta.dirname, '../../simulator')

/** Starts main.ts. The simulator that is returned passes every request to the other process. */
async function launch(stateFile: string) {
  const child = spawn(process.execPath, [join(simulatorFolder, 'main.ts'), '--state', stateFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  const [, webSocketUrl = '', control = '', rootKey = ''] =
    /^ready ws=(\S+) control=(\S+) root-key=(\S+)$/m.exec(line) ?? []
  const simulator: Simulator = {
    webSocketUrl,
    rootKey,
    close: async () => {},
    control: async (method, path, body) => {
      const reply = await fetch(control + path, { method, body: body === undefined ? null : JSON.stringify(body) })
      return { status: reply.status, body: await reply.json() }
    },
  }
  const stop = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal)
    const [status] = await exited
    return status
  }
  return { simulator, stop }
}

/** Runs a process with the preload. Its output is the URL and the root key that Baileys would use. */
async function preload(env: Record<string, string>): Promise<{ status: number; output: string }> {
  const script = `import('@whiskeysockets/baileys').then(({ DEFAULT_CONNECTION_CONFIG: config, WA_CERT_DETAILS: root }) =>
    console.log(config.waWebSocketUrl, root.PUBLIC_KEY.toString('hex')))`
  const child = spawn(process.execPath, ['--import', join(simulatorFolder, 'trust.ts'), '--eval', script], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [status] = await once(child, 'close')
  return { status, output }
}
