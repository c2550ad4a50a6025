/** Builds the deployed code: a folder per function, and the Docker context of the socket host. */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild'
import { type FunctionName, functions } from '../functions/routes.ts'
import packageJson from '../package.json' with { type: 'json' }
import { esbuildOptions } from './esbuild-options.ts'
import { type Lockfile, pruneLockfile } from './lockfile.ts'

const root = resolve(import.meta.dirname, '..')
const socketHostEntry = 'socket-host/main.ts'
/**
 * Packages left out of the host's bundle: a local run preloads a module that must share one instance of Baileys with
 * the host, and the host shares the WebAssembly of the bridge with Baileys.
 */
const hostExternals = ['@whiskeysockets/baileys', 'whatsapp-rust-bridge'] as const

/** Folder of a function's bundle below the folder of all bundles. */
export const functionFolder = (bundles: string, name: FunctionName) => join(bundles, name)

/** Docker context of the socket host below the folder of all bundles. */
export const socketHostFolder = (bundles: string) => join(bundles, 'socket-host')

/**
 * Functions that are built apart from the rest, in groups. Functions of one build share chunks, and the functions that every
 * connection waits for must not load code of others.
 */
const separateBuilds: readonly (readonly FunctionName[])[] = [['authorizer'], ['health'], ['connect', 'disconnect']]
const allFunctions = Object.keys(functions) as FunctionName[]

/** The outputs of the build that made a function's folder, by file name, and the name of its entry. */
export type FunctionBundle = { readonly outputs: Metafile['outputs']; readonly entry: string }

/** Bundles everything into folders below `bundles`. */
export async function bundleAll(bundles: string): Promise<void> {
  failOnMissingEntries()
  await bundleSocketHost(socketHostFolder(bundles))
  await bundleFunctions(bundles)
}

/** Bundles every function into a folder that Lambda runs as it is (`index.handler`). Benchmarks pass `options`. */
export async function bundleFunctions(
  bundles: string,
  options: BuildOptions = {},
): Promise<ReadonlyMap<FunctionName, FunctionBundle>> {
  const rest = allFunctions.filter((name) => !separateBuilds.flat().includes(name))
  const sentry = await buildFiles({ entryPoints: { sentry: 'functions/telemetry/sentry.ts' } })
  const built: (readonly [FunctionName, FunctionBundle])[] = []
  // One after the other: esbuild uses all cores anyway, and parallel builds would need several times the memory.
  for (const names of [...separateBuilds, rest]) built.push(...(await bundleTogether(bundles, names, sentry, options)))
  return new Map(built)
}

function failOnMissingEntries(): void {
  const entries = [...Object.values(functions).map(({ entry }) => entry), socketHostEntry]
  const missing = entries.filter((entry) => !existsSync(join(root, entry)))
  if (missing.length > 0) throw new Error(`Cannot bundle, no such file: ${missing.join(', ')} (functions/routes.ts)`)
}

/**
 * Writes a folder for each function, from one build. The functions share most of their code; parsing and minifying the AWS
 * SDK once instead of ten times makes every local run start seconds earlier.
 */
async function bundleTogether(
  bundles: string,
  names: readonly FunctionName[],
  sentry: Built,
  options: BuildOptions,
): Promise<(readonly [FunctionName, FunctionBundle])[]> {
  const { files, metafile } = await buildFiles({
    ...options,
    plugins: [leaveOutSentry, ...(options.plugins ?? [])],
    entryPoints: Object.fromEntries(names.map((name) => [name, functions[name].entry])),
  })
  const all = Object.entries({ ...metafile.outputs, ...sentry.metafile.outputs })
  const outputs = Object.fromEntries(all.map(([path, output]) => [basename(path), output]))
  return Promise.all(
    names.map(async (name) => {
      const entry = `${name}.mjs`
      const own = reachableFrom(entry, outputs).flatMap((file) => [file, `${file}.map`])
      const renamed = own.map(
        (file) => [file === entry ? 'index.mjs' : file, files.get(file) ?? sentry.files.get(file)] as const,
      )
      await writeFiles(functionFolder(bundles, name), renamed)
      return [name, { outputs, entry }] as const
    }),
  )
}

/**
 * Leaves Sentry out of a build: it takes as long to build as a function, so it is built once and copied into each
 * folder that loads it.
 */
const leaveOutSentry: Plugin = {
  name: 'leave-out-sentry',
  setup({ onResolve }) {
    onResolve({ filter: /\/sentry\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './sentry.mjs', external: true } : undefined,
    )
  },
}

/** Returns the names of an entry's file and of all chunks that it loads by the kinds of import that `loads` accepts. */
export function reachableFrom(
  entry: string,
  outputs: Metafile['outputs'],
  loads: (kind: string) => boolean = () => true,
): string[] {
  const reached = new Set([entry])
  // Iterating over a Set also visits the entries that are added meanwhile.
  for (const name of reached) {
    for (const { path, kind, external } of outputs[name]?.imports ?? [])
      if ((!external || basename(path) in outputs) && loads(kind)) reached.add(basename(path))
  }
  return [...reached]
}

/**
 * Writes the Docker context: Dockerfile, main.mjs, and the package files to install the packages that main.mjs leaves
 * out.
 */
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

/** Builds into the folder, which is emptied first. */
export async function writeBundle(folder: string, options: BuildOptions): Promise<void> {
  const { files } = await buildFiles(options)
  await writeFiles(folder, [...files])
}

type Built = Awaited<ReturnType<typeof buildFiles>>

/** Builds as if into one fixed folder: source maps, and so asset hashes, must not depend on where the output is written. */
async function buildFiles(options: BuildOptions) {
  const { outputFiles, metafile } = await build({
    ...esbuildOptions,
    ...options,
    absWorkingDir: root,
    outdir: join(root, 'dist'),
    write: false,
    metafile: true,
  })
  return { files: new Map(outputFiles.map((file) => [basename(file.path), file.contents])), metafile }
}

/**
 * Empties the folder and writes the files. Chunks are named by their content; those of an earlier build would be
 * deployed too.
 */
async function writeFiles(
  folder: string,
  files: readonly (readonly [name: string, contents: Uint8Array | undefined])[],
): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await Promise.all(files.map(([name, contents]) => contents && writeFile(join(folder, name), contents)))
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`)
}
