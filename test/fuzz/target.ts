/** A fuzz target: code that takes input from outside, with a property that must hold for any input. */
import fc from 'fast-check'

export type FuzzTarget = {
  readonly name: string
  /** Checks the property; throws with the counterexample when it does not hold. */
  run(parameters: { readonly numRuns: number; readonly seed: number }): Promise<void>
  /** Stops everything that the runs have started. */
  stop?(): Promise<void>
}

/** Creates a target with one arbitrary for its input. */
export const target = <Input>(
  name: string,
  input: fc.Arbitrary<Input>,
  holds: (value: Input) => Promise<void> | void,
): FuzzTarget => ({
  name,
  async run(parameters) {
    const property = fc.asyncProperty(input, async (value) => holds(value))
    await fc.assert(property, { ...parameters, endOnFailure: true })
  },
})

/** Texts that often break parsers. */
const nasty = fc.constantFrom(
  ...['', '\u0000', '__proto__', 'constructor', '\ud800', '💥', '../../etc/passwd', "' OR 1=1", '<script>'],
  ...['9'.repeat(400), '1e999', '-0', 'null', '[]', '{}', '%00', '\u202e', 'a\r\nSet-Cookie: x', 'x'.repeat(5_000)],
)
export const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), nasty)

/** Any JSON value. */
export const anyJson = fc.oneof(fc.jsonValue(), text, fc.constantFrom(null, 0, -1, 1e308, true, [], {}))

/** Copies of `value` in which a few parts, at any depth, are replaced or removed. */
export const mutated = <Value extends object>(value: fc.Arbitrary<Value>): fc.Arbitrary<unknown> =>
  fc
    .tuple(value, fc.array(fc.tuple(fc.nat(), fc.option(anyJson, { nil: undefined })), { minLength: 1, maxLength: 3 }))
    .map(([original, changes]) => {
      const copy: unknown = JSON.parse(JSON.stringify(original))
      for (const [at, replacement] of changes) change(copy, at, replacement)
      return copy
    })

function change(root: unknown, at: number, replacement: unknown): void {
  const places = placesIn(root)
  const place = places[at % Math.max(1, places.length)]
  if (!place) return
  if (replacement === undefined) Reflect.deleteProperty(place.holder, place.key)
  else Reflect.set(place.holder, place.key, replacement)
}

function placesIn(value: unknown): { holder: object; key: string }[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => [{ holder: value, key }, ...placesIn(part)])
}
