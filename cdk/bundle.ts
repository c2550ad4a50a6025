/** Builds what is deployed: a folder per function, and the Docker context of the socket host. */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { type FunctionName, functions } from '../functions/routes.ts'
import packageJson from '../package.json' with { type: 'json' }
import { esbuildOptions } from './esbuild-options.ts'
import { type Lockfile, pruneLockfile } from './lockfile.ts'

const root = resolve(import.meta.dirname, '..')
const socketHostEntry = 'socket-host/main.ts'
/** Left out of the host's bundle: a local run preloads a module that must share Baileys' one instance. */
const hostExternals = ['@whiskeysockets/baileys'] as const

/** The folder of a function's bundle below the folder of all bundles. */
export const functionFolder = (bundles: string, name: FunctionName) => join(bundles, name)

/** The Docker context of the socket host below the folder of all bundles. */
export const socketHostFolder = (bundles: string) => join(bundles, 'socket-host')

/** Bundles everything into folders below `bundles`. */
export async function bundleAll(bundles: string): Promise<void> {
  failOnMissingEntries()
  await Promise.all([
    bundleSocketHost(socketHostFolder(bundles)),
    ...Object.entries(functions).map(([name, { entry }]) => bundleFunction(join(bundles, name), entry)),
  ])
}

function failOnMissingEntries(): void {
  const entries = [...Object.values(functions).map(({ entry }) => entry), socketHostEntry]
  const missing = entries.filter((entry) => !existsSync(join(root, entry)))
  if (missing.length > 0) throw new Error(`Cannot bundle, no such file: ${missing.join(', ')} (functions/routes.ts)`)
}

/** A folder that Lambda runs as it is (`index.handler`). */
export const bundleFunction = (folder: string, entry: string) => writeBundle(folder, { entryPoints: { index: entry } })

/** The Docker context: Dockerfile, main.mjs, and what it takes to install what main.mjs leaves out. */
export async function bundleSocketHost(folder: string): Promise<void> {
  await writeBundle(folder, { entryPoints: { main: socketHostEntry }, external: [...hostExternals] })
  const lock: Lockfile = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
  await copyFile(join(root, 'socket-host/Dockerfile'), join(folder, 'Dockerfile'))
  await writeJson(join(folder, 'package.json'), hostManifest)
  await writeJson(join(folder, 'package-lock.json'), pruneLockfile(lock, hostManifest))
}

const hostManifest = {
  name: 'pairplane-socket-host',
  version: packageJson.version,
  type: 'module',
  dependencies: Object.fromEntries(hostExternals.map((name) => [name, packageJson.dependencies[name]])),
}

/** Builds as if into one fixed folder, so that source maps, and with them asset hashes, are the same wherever we write to. */
export async function writeBundle(folder: string, options: BuildOptions): Promise<Metafile> {
  const { outputFiles, metafile } = await build({
    ...esbuildOptions,
    ...options,
    absWorkingDir: root,
    outdir: join(root, 'dist'),
    write: false,
    metafile: true,
  })
  // Chunks are named by their content: those of an earlier run would stay, and be deployed.
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await Promise.all(outputFiles.map((file) => writeFile(join(folder, basename(file.path)), file.contents)))
  return metafile
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`)
}
