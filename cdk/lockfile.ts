/**
 * Reduces a package-lock to a few packages and their dependencies, so that an image installs the versions that the
 * project was tested with.
 */

type LockedPackage = {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export type Lockfile = { readonly packages: Readonly<Record<string, LockedPackage>> }

/** A package.json with exact versions. */
export type Manifest = {
  readonly name: string
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

/** Returns the lockfile of a manifest, made from the project's lockfile, which must contain its packages. */
export function pruneLockfile(lock: Lockfile, manifest: Manifest) {
  const kept = new Set<string>()
  keepDependencies(lock, kept, '', manifest)
  const packages = Object.entries(lock.packages).filter(([path]) => kept.has(path))
  return {
    name: manifest.name,
    version: manifest.version,
    lockfileVersion: 3,
    requires: true,
    packages: Object.fromEntries([['', manifest] as const, ...packages]),
  }
}

function keepDependencies(lock: Lockfile, kept: Set<string>, path: string, wanted: LockedPackage): void {
  const { dependencies, optionalDependencies, peerDependencies } = wanted
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
    const found = resolveFrom(lock, path, name)
    if (found === undefined || kept.has(found)) continue
    kept.add(found)
    keepDependencies(lock, kept, found, lock.packages[found] ?? {})
  }
}

/**
 * Returns the path at which Node would find a package from the folder of another: in that folder, or in one further up.
 * Undefined when the package is not in the lockfile, as an optional one may be.
 */
function resolveFrom(lock: Lockfile, path: string, name: string): string | undefined {
  const candidate = path === '' ? `node_modules/${name}` : `${path}/node_modules/${name}`
  if (candidate in lock.packages) return candidate
  if (path === '') return undefined
  const parent = path.lastIndexOf('/node_modules/')
  return resolveFrom(lock, parent < 0 ? '' : path.slice(0, parent), name)
}
