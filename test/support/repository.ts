/** The texts of this repository, for tests of the code and the pages as they are written. */
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** The folders that hold TypeScript. */
export const folders = ['cdk', 'functions', 'local', 'shared', 'simulator', 'socket-host', 'test'] as const

/** Returns the text of a file; the path is relative to the root, with `/`. */
export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Returns the texts of all files that a pattern matches, by path and in the order of the paths. */
export function textsOf(patterns: readonly string[]): ReadonlyMap<string, string> {
  const paths = globSync(patterns, { cwd: root }).map((path) => path.replaceAll('\\', '/'))
  const files = paths.filter((path) => statSync(join(root, path)).isFile())
  return new Map(files.sort().map((path) => [path, read(path)]))
}

/** Every TypeScript file of the folders. */
export const sources = textsOf(folders.map((folder) => `${folder}/**/*.ts`))

/** Every page: those at the root, in docs/, and of the simulated WhatsApp. */
export const pages = textsOf(['*.md', 'docs/**/*.md', 'simulator/**/*.md'])
