/** `npm run licences`: under which licences comes what is deployed. Fails on one that nobody has agreed to. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as v from 'valibot'

/** Licences that ask for no more than a notice. */
const permissive = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0']
/** Packages under other licences, and what that asks of whoever deploys. */
const agreed: Readonly<Record<string, string>> = {
  libsignal:
    'GPL-3.0, of Baileys: who passes the socket host on (an image, say) passes its source on, too; running it asks nothing',
}

export type Licensed = { readonly name: string; readonly version: string; readonly licence: string }

const LockEntry = v.looseObject({
  version: v.optional(v.string(), ''),
  license: v.optional(v.string()),
  dev: v.optional(v.boolean(), false),
  /** Wanted by a dependency, not by us; the host's image leaves these out. */
  peer: v.optional(v.boolean(), false),
})
const Lock = v.object({ packages: v.record(v.string(), LockEntry) })
const Manifest = v.looseObject({ license: v.optional(v.unknown()) })

/** The packages that are deployed, with the licence that each names itself, else the one in the lockfile. */
export function deployedPackages(root: string): readonly Licensed[] {
  const lock = v.parse(Lock, JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')))
  return Object.entries(lock.packages)
    .filter(([path, { dev, peer }]) => path !== '' && !dev && !peer)
    .map(([path, entry]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: entry.version,
      licence: licenceIn(join(root, path)) ?? entry.license ?? 'unknown',
    }))
}

/** Packages for other platforms are not installed. */
function licenceIn(folder: string): string | undefined {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return undefined
  const { license } = v.parse(Manifest, JSON.parse(readFileSync(file, 'utf8')))
  return typeof license === 'string' ? license : undefined
}

export const isAgreed = ({ name, licence }: Licensed): boolean =>
  permissive.includes(licence) || Object.hasOwn(agreed, name)

/** Prints the packages by licence; returns those that nobody has agreed to. */
function report(packages: readonly Licensed[]): readonly Licensed[] {
  for (const [licence, same] of Object.entries(Object.groupBy(packages, (each) => each.licence)).toSorted())
    console.log(
      `${licence} (${same?.length})\n  ${same?.map(({ name, version }) => `${name}@${version}`).join(', ')}\n`,
    )
  for (const [name, terms] of Object.entries(agreed)) console.log(`${name}: ${terms}`)
  return packages.filter((each) => !isAgreed(each))
}

if (import.meta.main) {
  const refused = report(deployedPackages(resolve(import.meta.dirname, '..')))
  for (const { name, licence } of refused)
    console.error(`${name} is under ${licence}: agree to it in cdk/licences.ts, or do without`)
  process.exitCode = refused.length > 0 ? 1 : 0
}
