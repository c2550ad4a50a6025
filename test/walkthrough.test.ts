/** Each step of docs/walkthrough.md names a file that exists and a function or type that is declared in it. */
import { describe, expect, it } from 'vitest'
import { read, sources } from './support/repository.ts'

const page = read('docs/walkthrough.md')

/** The source of a file of the repository; undefined when there is none. */
const sourceOf = (file: string): string | undefined => sources.get(file)

type Step = { readonly file: string; readonly name: string }

/** The first line of each numbered step. */
const stepLines = (text: string): string[] => text.match(/^\d+\. .*$/gm) ?? []

/** Every pair of a file and a name, wherever it is in the text. */
const stepsIn = (text: string): Step[] =>
  [...text.matchAll(/`([\w./-]+\.ts)` `(\w+)`/g)].map(([, file = '', name = '']) => ({ file, name }))

/** True when the source declares the name; a call, an import or a comment does not count. */
const declares = (source: string, name: string): boolean =>
  new RegExp(
    `^\\s*(?:export\\s+)?(?:declare\\s+)?(?:async\\s+)?(?:function\\*?|const|let|class|type|interface)\\s+${name}\\b`,
    'm',
  ).test(source)

/** Returns a sentence for each step that names a missing file or declaration, in the order of the page. */
function faults(text: string, lookUp: (file: string) => string | undefined): string[] {
  return stepsIn(text).flatMap(({ file, name }) => {
    const source = lookUp(file)
    if (source === undefined) return [`${file} does not exist`]
    return declares(source, name) ? [] : [`${file} does not declare ${name}`]
  })
}

describe('docs/walkthrough.md', () => {
  it('names files that exist, and functions and types that they declare', () => {
    expect(faults(page, sourceOf)).toEqual([])
  })

  it('begins every step with a file and a name, and says what it does', () => {
    expect(stepLines(page).length).toBeGreaterThan(60)
    expect(stepLines(page).filter((line) => !/^\d+\. `[\w./-]+\.ts` `\w+`: \S/.test(line))).toEqual([])
    expect(stepsIn(page)).toHaveLength(stepLines(page).length)
  })

  it('numbers the steps of each list from 1 on', () => {
    const numbers = stepLines(page).map((line) => Number.parseInt(line, 10))
    expect(numbers.filter((number, index) => number !== 1 && number !== (numbers[index - 1] ?? 0) + 1)).toEqual([])
  })
})

describe('the check of the walkthrough', () => {
  it('notices when any of the names is changed in its file', () => {
    const unnoticed = stepsIn(page).filter(({ file, name }) => {
      const renamed = (path: string) =>
        path === file ? sourceOf(path)?.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `${name}Now`) : sourceOf(path)
      return !faults(page, renamed).includes(`${file} does not declare ${name}`)
    })
    expect(unnoticed).toEqual([])
  })

  it('notices a file that was moved', () => {
    expect(faults('1. `shared/nowhere.ts` `requestPairing`: asks.', sourceOf)).toEqual([
      'shared/nowhere.ts does not exist',
    ])
  })

  it('takes no use of a name for its declaration', () => {
    const uses = "import { act } from './act.ts'\n// function act\nact()\nconst done = act\nexport { act }\n"
    expect(declares(uses, 'act')).toBe(false)
    expect(declares('export async function act() {}', 'act')).toBe(true)
    expect(declares('  const act = () => 1', 'act')).toBe(true)
    expect(declares('const actor = 1', 'act')).toBe(false)
  })
})
