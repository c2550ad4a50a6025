import * as v from 'valibot'

/** Fields that several requests about messages have. */
export const phoneNumber = v.pipe(v.string('must be a string'), v.regex(/^\d{5,15}$/, 'must be 5 to 15 digits'))
export const group = v.pipe(v.string(), v.regex(/^\d{5,20}(-\d{5,20})?$/, 'group must be digits, without @g.us'))
export const wholeNumber = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most))

/** Which device, how many at which rate, and whether the answer waits for those of the devices. */
export const pacing = {
  device: v.optional(v.number()),
  count: v.optional(wholeNumber(1, 100_000), 1),
  ratePerSecond: v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(10_000))),
  wait: v.optional(v.boolean(), false),
}
