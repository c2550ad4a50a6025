import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { seed, usualSeed } from '../support/seed.ts'
import { clientTargets } from './clients.ts'
import { queueTargets } from './queues.ts'
import { asStored, credentials, loadableCredentials, loadStored, storedTargets } from './stored.ts'

const targets = [...clientTargets, ...queueTargets, ...storedTargets]

test.each(targets)('$name of any kind break nothing', async (target) => {
  await target.run({ numRuns: 150, seed })
})

test('some altered credentials still load, so that the rest is tried too', async () => {
  const before = loadableCredentials()
  await credentials.run({ numRuns: 150, seed: usualSeed })
  expect(loadableCredentials()).toBeGreaterThan(before)
})

test.each([{ account: { details: 'A' } }, { account: { accountSignature: '*' } }, { account: 'x' }, { account: null }])(
  'found so: credentials with %j are not read, without an error that comes again and again',
  async (altered) => {
    expect(await loadStored(asStored)).toBe('loaded')
    expect(await loadStored({ ...asStored, ...altered })).not.toBe('loaded')
  },
)

test('stanzas of WhatsApp of any kind break nothing, as the long run tries them', async () => {
  const args = ['test/fuzz/main.ts', '--minutes', '0', '--only', 'stanzas', '--runs', '15', '--seed', '3']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toContain('1 rounds of 15 runs: stanzas of WhatsApp')
}, 60_000)
