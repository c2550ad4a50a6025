/** Benchmarks that a run without names leaves out, because they write a file of the repository. */
export const onlyByName: readonly string[] = ['density']

/** Returns the benchmarks to run: those that are named, or else all but `onlyByName`. Throws an error for an unknown name. */
export function chosenOf(names: readonly string[], all: readonly string[]): readonly string[] {
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`no benchmark ${unknown.join(', ')}; there are ${all.join(', ')}`)
  return names.length > 0 ? names : all.filter((name) => !onlyByName.includes(name))
}
