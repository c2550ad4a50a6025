/** `npm run licences`: lists the licences of the deployed packages. Fails on a licence that is not accepted below. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as v from 'valibot'

/** Licences that require no more than a notice. */
const permissive = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0']
/** Accepted packages under other licences, with the obligations of a deployer. */
const accepted: Readonly<Record<string, string>> = {
  libsignal:
    'GPL-3.0, a dependency of Baileys: distributing the socket host (as an image, say) requires distributing its source; running it requires nothing',
}

export type Licensed = { readonly name: string; readonly version: string; readonly licence: string }

const LockEntry = v.looseObject({
  version: v.optional(v.string(), ''),
  license: v.optional(v.string()),
  dev: v.optional(v.boolean(), false),
  /** A peer dependency of a package, not of the project; the host's image leaves it out. */
  peer: v.optional(v.boolean(), false),
})
const Lock = v.object({ packages: v.record(v.string(), LockEntry) })
const Manifest = v.looseObject({ license: v.optional(v.unknown()) })

/** Returns the deployed packages, each with the licence of its own package.json, else the one in the lockfile. */
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

/**
 * Reads the licence of an installed package; undefined for one that is not installed, such as a package for another
 * platform.
 */
function licenceIn(folder: string): string | undefined {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return undefined
  const { license } = v.parse(Manifest, JSON.parse(readFileSync(file, 'utf8')))
  return typeof license === 'string' ? license : undefined
}

/** True when a package's licence is permissive or the package is accepted by name. */
export const isAccepted = ({ name, licence }: Licensed): boolean =>
  permissive.includes(licence) || Object.hasOwn(accepted, name)

/** Prints the packages by licence; returns those that are not accepted. */
function report(packages: readonly Licensed[]): readonly Licensed[] {
  for (const [licence, same] of Object.entries(Object.groupBy(packages, (each) => each.licence)).toSorted())
    console.log(
      `${licence} (${same?.length})\n  ${same?.map(({ name, version }) => `${name}@${version}`).join(', ')}\n`,
    )
  for (const [name, terms] of Object.entries(accepted)) console.log(`${name}: ${terms}`)
  return packages.filter((each) => !isAccepted(each))
}

if (import.meta.main) {
  const rejected = report(deployedPackages(resolve(import.meta.dirname, '..')))
  for (const { name, licence } of rejected)
    console.error(`${name} has the licence ${licence}: accept it in cdk/licences.ts, or remove the package`)
  process.exitCode = rejected.length > 0 ? 1 : 0
}
