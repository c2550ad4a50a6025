/** Retired names and the style of comments and log messages, as CONTRIBUTING.md has them. */
import { expect, it } from 'vitest'
import { pages, sources } from './support/repository.ts'

// This file lists the words, and the changelog speaks of the past.
const checkedSources = [...sources].filter(([path]) => path !== 'test/words.test.ts')
const checkedPages = [...pages].filter(([path]) => path !== 'CHANGELOG.md')

/** Names that something else has taken over, each with its successor. */
const retired: readonly (readonly [RegExp, string])[] = [
  [/\bWorkshop\b/, 'CompanyContext'],
  [/\b[tT]enures?\b/, 'OwnedLease'],
  [/\b\w*Sight\b|\bsight\(\)/, 'Telemetry'],
  [/\b(note|install)Link\b/, 'prepareLink, commitLink'],
  [/\bpairAfresh\b/, 'restartPairing'],
  [/\bturnAway\b/, 'rejectBusy'],
  [/\bisVacant\b/, 'isEmpty'],
  [/\b(un)?listCompany\b/, 'addToShardIndex, removeFromShardIndex'],
  [/\b([bB]equests?|bequeath\w*|heirs?)\b/, 'HandOff, successor'],
  [/\b(Outlook|Sightings?)\b/, 'ClusterView, ObservedLease'],
  [/\bexceptFor\b/, 'excluding'],
  [/\bnextStepAt\b/, 'requeueAt'],
  [/\blateNews\b/, 'failuresAfterExpiry'],
  [/\bprotectsData\b/, 'retainData'],
  [/\b(most|fewest)[A-Z]\w*|\blongest(?!SilenceMs)[A-Z]\w*/, 'max…, min…'],
  [/\bis no (number|valid)\b/, 'is not a …'],
]

it.each(retired)('%s is retired: %s', (word) => {
  expect([...checkedSources, ...checkedPages].filter(([, text]) => word.test(text)).map(([path]) => path)).toEqual([])
})

/** The first line of each comment, with the line that it stands on. */
function openings(text: string): { line: number; opening: string }[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const block = /^\s*\/\*\*?\s*(.*)/.exec(line)
    if (block) return [{ line: index + 1, opening: block[1] || (lines[index + 1]?.replace(/^\s*\*\s*/, '') ?? '') }]
    const single = /^\s*\/\/\s*(.*)/.exec(line)
    const isFirst = !/^\s*\/\//.test(lines[index - 1] ?? '')
    return single && isFirst ? [{ line: index + 1, opening: single[1] ?? '' }] : []
  })
}

it('comments are found, with the line that they begin on', () => {
  const text = ['/** One. */', '// Two', '// goes on', 'code()', '/**', ' * Three.', ' */'].join('\n')
  expect(openings(text)).toEqual([
    { line: 1, opening: 'One. */' },
    { line: 2, opening: 'Two' },
    { line: 5, opening: 'Three.' },
  ])
})

it('no comment opens with a question word: it begins with what it speaks of, or with what breaks otherwise', () => {
  const found = checkedSources.flatMap(([path, text]) =>
    openings(text)
      .filter(({ opening }) => /^(What|Who|Whose|Whoever|Whatever|How|Where|Nobody)\b/.test(opening))
      .map(({ line, opening }) => `${path}:${line} ${opening}`),
  )
  expect(found).toEqual([])
})

it('log messages are sentences that begin with a capital and end without a full stop', () => {
  const message = /\b(?:log|logger)(?:\(\))?\.(?:debug|info|warn|error)\(\s*(['`])(.*?)\1/g
  const found = checkedSources
    .filter(([path]) => !path.startsWith('test/'))
    .flatMap(([path, text]) => [...text.matchAll(message)].map((match) => `${path}: ${match[2]}`))
  expect(found.length).toBeGreaterThan(40)
  expect(found.filter((line) => !/^[^:]+: (?:[A-Z]|\$\{)/.test(line) || line.endsWith('.'))).toEqual([])
})
