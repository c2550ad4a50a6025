/** Makes a value when it is first asked for, and keeps it: what a container builds once, and only if it is used. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
