/**
 * A chaos run, in the process that `main.ts` supervises. Its last line is the verdict; exit code 1 when a promise is
 * broken.
 */
import { createWriteStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { actNames } from './acts.ts'
import { chaos } from './play.ts'
import { verdictPrefix } from './supervise.ts'
import { brokenPromises } from './watch.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    hosts: { type: 'string', default: '2' },
    companies: { type: 'string', default: '12' },
    only: { type: 'string' },
    without: { type: 'string', default: '' },
    logs: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})

/** Reads names of acts, separated by commas. A typo must not silently play other acts. */
function namesIn(text: string): readonly string[] {
  const names = text.split(',').filter((name) => name !== '')
  const unknown = names.filter((name) => !actNames.includes(name))
  if (unknown.length > 0) throw new Error(`No such act: ${unknown.join(', ')}. There are ${actNames.join(', ')}`)
  return names
}

const say = (line: string) => console.log(line)
const logs = values.logs === undefined ? undefined : createWriteStream(values.logs)
say(`seed ${values.seed}`)
const report = await chaos({
  seconds: Number(values.minutes) * 60,
  hosts: Number(values.hosts),
  companies: Number(values.companies),
  seed: Number(values.seed),
  without: namesIn(values.without),
  ...(values.only !== undefined && { only: namesIn(values.only) }),
  say,
  ...(logs && { log: (source: string, line: string) => void logs.write(`${source} ${line}\n`) }),
})
const broken = brokenPromises(report)
say(JSON.stringify(report, undefined, 2))
for (const promise of broken) say(promise)
say(`${verdictPrefix}${broken.length === 0 ? 'every promise was kept' : `${broken.length} promises were broken`}`)
process.exit(broken.length === 0 ? 0 : 1)
