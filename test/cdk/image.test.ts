/** The image of the socket host, assembled without Docker from the same files. */
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bundleSocketHost } from '../../cdk/bundle.ts'
import { type Lockfile, pruneLockfile } from '../../cdk/lockfile.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { temporary } from '../support/temporary.ts'

const context = temporary()
await bundleSocketHost(context)
const lock: Lockfile & { packages: Record<string, { peer?: boolean; version?: string }> } = JSON.parse(
  readFileSync(join(context, 'package-lock.json'), 'utf8'),
)

describe('the Dockerfile', () => {
  const stages = readFileSync('socket-host/Dockerfile', 'utf8').split(/^(?=FROM )/m)
  const last = stages.at(-1)!

  it('only copies in its last stage, so that any machine can build for ARM', () => {
    expect(last).not.toMatch(/^(RUN|ADD) /m)
  })

  it('runs as an ordinary user, with Node and not with npm', () => {
    expect(last).toContain('USER node\nCMD ["node", "main.mjs"]')
  })

  it('pins the Node that everything is tested with', () => {
    for (const stage of stages.slice(1))
      expect(stage).toMatch(new RegExp(`^FROM .*node:${packageJson.devDependencies.node}-`))
  })
})

describe('the image', () => {
  it('holds what the last stage copies, and starts', () => {
    const app = temporary()
    for (const file of readdirSync(context))
      if (/(\.mjs|\.mjs\.map|^package\.json)$/.test(file)) cpSync(join(context, file), join(app, file))
    // The same versions in the same folders as `npm ci --omit=peer` would install.
    for (const [path, { peer }] of Object.entries(lock.packages))
      if (path !== '' && !peer) cpSync(path, join(app, path), { recursive: true })
    const { status, stderr } = spawnSync(process.execPath, ['main.mjs'], { cwd: app, env: {}, encoding: 'utf8' })
    expect(stderr).toContain('Invalid environment: CONTROL_TABLE')
    expect(status).toBe(1)
  })
})

describe('the lockfile of the image', () => {
  const project: Lockfile = JSON.parse(readFileSync('package-lock.json', 'utf8'))

  it('has what Baileys needs, as the project has it, and nothing else', () => {
    for (const name of ['@whiskeysockets/baileys', 'libsignal', 'whatsapp-rust-bridge', 'ws'])
      expect(lock.packages[`node_modules/${name}`]).toEqual(project.packages[`node_modules/${name}`])
    expect(Object.keys(lock.packages)).not.toContain('node_modules/vitest')
  })

  it('takes the package that Node would find, not its namesake further up', () => {
    const nested: Lockfile = {
      packages: {
        '': {},
        'node_modules/a': { dependencies: { b: '2', c: '1' } },
        'node_modules/a/node_modules/b': { dependencies: { c: '1' } },
        'node_modules/b': { dependencies: { d: '1' } },
        'node_modules/c': {},
        'node_modules/d': {},
      },
    }
    const { packages } = pruneLockfile(nested, { name: 'x', version: '1.0.0', dependencies: { a: '1' } })
    expect(Object.keys(packages)).toEqual(['', 'node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/c'])
  })
})
