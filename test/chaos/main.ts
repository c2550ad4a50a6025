/** `npm run chaos -- [--minutes 1] [--hosts 2] [--companies 12] [--seed N] [--only ACT,ACT] [--without ACT] [--logs FILE]`; exit code 1 when a promise is broken. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { supervise } from './supervise.ts'

const journals = fileURLToPath(new URL('../../.pairplane/', import.meta.url))
mkdirSync(journals, { recursive: true })
process.exitCode = await supervise({
  args: [fileURLToPath(new URL('./run.ts', import.meta.url)), ...process.argv.slice(2)],
  journal: `${journals}chaos-${process.pid}.log`,
  say: (line) => console.log(line),
})
