/** Every number and title of a requirement that is mentioned anywhere stands in docs/requirements.md. */
import { expect, it } from 'vitest'
import { folders, read, textsOf } from './support/repository.ts'

const page = read('docs/requirements.md')

const texts = textsOf([...folders, 'docs'].map((folder) => `${folder}/**/*`).concat('*.md'))
/** The examples of this file are not requirements. */
const sources = [...texts].filter(([path]) => path !== 'test/requirements.test.ts')

/** Whole words only: an identifier, a hash or a longer number that holds the like is no mention. */
const numbersIn = (text: string) => text.match(/\bR[1-9]\d{0,2}[a-z]?\b/g) ?? []

const titlesIn = (text: string) => [...text.matchAll(/\brequirements, "([^"]+)"/g)].map(([, title = '']) => title)

const casesIn = (text: string) =>
  [...text.matchAll(/\bend-to-end cases? ((?:\d+(?:, | and )?)+)/g)].flatMap(
    ([, list = '']) => list.match(/\d+/g) ?? [],
  )

const entries = [...page.matchAll(/^- \*\*(R\d+[a-z]?)\*\* /gm)].map(([, number = '']) => number)
const headings = [...page.matchAll(/^##+ (.+)$/gm)].map(([, title = '']) => title)
const cases = [...(page.split('## End-to-end cases')[1] ?? '').matchAll(/^(\d+)\. /gm)].map(([, number = '']) => number)

/** Mentions that lead nowhere, each with its file. */
const unresolved = (mentionsIn: (text: string) => readonly string[], known: readonly string[]) =>
  sources.flatMap(([path, source]) =>
    [...new Set(mentionsIn(source))].filter((name) => !known.includes(name)).map((name) => `${path}: ${name}`),
  )

const repeated = (names: readonly string[]) => names.filter((name, index) => names.indexOf(name) !== index)

it('mentions are told from what only looks like one', () => {
  const text = '(R1, R49a; R12) R3 to R5, "R77". xR2 R2x9 R2_ PAIR6 0xAR7 R2D2 R0 R1234 BR8'
  expect(numbersIn(text)).toEqual(['R1', 'R49a', 'R12', 'R3', 'R5', 'R77'])
  expect(casesIn('end-to-end cases 3, 6 and 10; end-to-end case 11. case 12 of 13')).toEqual(['3', '6', '10', '11'])
  expect(sources.flatMap(([, source]) => numbersIn(source)).length).toBeGreaterThan(300)
  expect(sources.flatMap(([, source]) => titlesIn(source)).length).toBeGreaterThan(15)
})

it('every number that is mentioned has an entry', () => {
  expect(entries.length).toBeGreaterThan(40)
  expect(unresolved(numbersIn, entries)).toEqual([])
})

it('no number is defined twice', () => {
  expect(repeated(entries)).toEqual([])
})

it('every section and every end-to-end case that is mentioned exists, under one title and number', () => {
  expect(unresolved(titlesIn, headings)).toEqual([])
  expect(unresolved(casesIn, cases)).toEqual([])
  expect(repeated([...headings, ...cases])).toEqual([])
})

it('sections are named by their titles: a number would change with their order', () => {
  const numbered = sources.filter(([, source]) => /\brequirements(?:\.md)?,? sections? \d/i.test(source))
  expect(numbered.map(([path]) => path)).toEqual([])
})
