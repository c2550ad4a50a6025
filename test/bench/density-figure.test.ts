import { describe, expect, it, test } from 'vitest'
import { type DensityPoint, densityFigure, ticks } from './density-figure.ts'

const point = (sessions: number, idle: number, mean: number, peak: number, rest = 0): DensityPoint => ({
  sessions,
  cpu: { idle, mean, peak },
  memory: { idle: 110 + sessions / 5 + rest, peak: 130 + sessions / 3 },
})
const points = [point(0, 1, 1, 1), point(1000, 5, 20, 48), point(500, 3, 10, 24)]
const figure = densityFigure({ points, date: '2026-11-28', command: 'npm run bench -- density & <more>' })

/** The places of a panel's lines, by class. */
function linesOf(svg: string): { kind: string; places: { x: number; y: number }[] }[] {
  return [...svg.matchAll(/<polyline class="line (\w)" points="([^"]*)"/g)].map(([, kind = '', places = '']) => ({
    kind,
    places: places.split(' ').map((each) => {
      const [x = Number.NaN, y = Number.NaN] = each.split(',').map(Number)
      return { x, y }
    }),
  }))
}

describe('the figure', () => {
  it('has three lines of CPU and two of memory, with a point for each number of sessions in order', () => {
    const lines = linesOf(figure)
    expect(lines.map(({ kind }) => kind)).toEqual(['a', 'b', 'c', 'a', 'c'])
    for (const { places } of lines) {
      expect(places).toHaveLength(3)
      const [first, second, last] = places.map(({ x }) => x)
      expect(first).toBeLessThan(second ?? 0)
      expect((second ?? 0) - (first ?? 0)).toBeCloseTo((last ?? 0) - (second ?? 0))
    }
  })

  it('draws a larger value higher, in proportion, and nothing outside of its panel', () => {
    const [idle, mean, peak] = linesOf(figure).map(({ places }) => places.map(({ y }) => y))
    // 320 is the axis, 110 the top at 50 %.
    expect(idle).toEqual([315.8, 307.4, 299])
    expect(mean).toEqual([315.8, 278, 236])
    expect(peak).toEqual([315.8, 219.2, 118.4])
    for (const { places } of linesOf(figure))
      for (const { x, y } of places) {
        expect(y).toBeGreaterThanOrEqual(110)
        expect(y).toBeLessThanOrEqual(320)
        expect(x).toBeLessThanOrEqual(800)
      }
  })

  it('says its units, lines, date and command in text, with special characters escaped', () => {
    const texts = [...figure.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, content]) => content)
    expect(texts).toEqual(
      expect.arrayContaining([
        ...['Processor time', '% of a core', 'Resident memory', 'MiB', 'sessions on the host'],
        ...['no traffic', 'mean hour', 'peak hour', 'no traffic, garbage collected', 'peak hour, maximum'],
      ]),
    )
    expect(texts.slice(-2)).toEqual([
      'Measured on 2026-11-28; one host process, simulated WhatsApp',
      'npm run bench -- density &amp; &lt;more&gt;',
    ])
    expect(figure).toContain('<title>peak hour, 1000 sessions: 48 % of a core</title>')
  })

  it('has colours for both schemes, loads nothing, and stays small with many points', () => {
    expect(figure).toContain('prefers-color-scheme:dark')
    expect(figure).not.toMatch(/url\(|@import|@font-face|<image|href=|<script/)
    const many = Array.from({ length: 12 }, (_, index) => point(index * 250, index, index * 2, index * 9.87))
    expect(densityFigure({ points: many, date: '2026-11-28', command: 'x' }).length).toBeLessThan(20_000)
  })

  it('is well-formed: every element is closed in its turn', () => {
    const open: string[] = []
    for (const [, slash, name = '', empty] of figure.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (slash) expect(open.pop()).toBe(name)
      else if (!empty) open.push(name)
    }
    expect(open).toEqual([])
  })

  it('of a single host without sessions has axes and a point', () => {
    const [only] = linesOf(densityFigure({ points: [point(0, 0, 0, 0)], date: '', command: '' }))
    expect(only?.places).toEqual([{ x: 70, y: 320 }])
  })
})

test.each([
  [0, [0, 1]],
  [48, [0, 10, 20, 30, 40, 50]],
  [50, [0, 10, 20, 30, 40, 50]],
  [51, [0, 20, 40, 60]],
  [1000, [0, 200, 400, 600, 800, 1000]],
  [7.3, [0, 2, 4, 6, 8]],
  [0.9, [0, 0.2, 0.4, 0.6, 0.8, 1]],
])('the axis up to %d has the numbers %j', (max, numbers) => {
  expect(ticks(max)).toEqual(numbers)
})
