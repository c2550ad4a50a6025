/** Pairing codes in letters large enough to be read across a desk. */

/** Glyphs of 3 × 5 dots, one octal digit per row. The alphabet of pairing codes has no 0, I, O and U. */
const glyphs: Readonly<Record<string, string>> = {
  1: '26227',
  2: '61247',
  3: '61216',
  4: '55711',
  5: '74616',
  6: '34652',
  7: '71222',
  8: '25252',
  9: '25316',
  A: '25755',
  B: '65656',
  C: '34443',
  D: '65556',
  E: '74647',
  F: '74644',
  G: '34553',
  H: '55755',
  J: '11152',
  K: '55655',
  L: '44447',
  M: '57755',
  N: '65555',
  P: '65644',
  Q: '25573',
  R: '65665',
  S: '34216',
  T: '72222',
  V: '55552',
  W: '55775',
  X: '55255',
  Y: '55222',
  Z: '71247',
  '-': '00700',
}

/** Returns the code as five lines of block letters; characters without a glyph are left out. */
export function largeCode(code: string): string {
  const letters = [...code].flatMap((character) => glyphs[character] ?? [])
  return [0, 1, 2, 3, 4].map((row) => letters.map((glyph) => dots(glyph[row])).join('  ')).join('\n')
}

const dots = (octal = '0'): string => [4, 2, 1].map((bit) => (Number.parseInt(octal, 8) & bit ? '██' : '  ')).join('')
