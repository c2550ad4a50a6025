import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { errorCodes, errorSpec } from '#shared/domain/errors.ts'

const errorTable = () => {
  const rows = errorCodes.map((code) => {
    const { httpStatus, retryable, action, level, en } = errorSpec(code)
    return `| \`${code}\` | ${httpStatus} | ${retryable ? 'yes' : 'no'} | ${action ?? ''} | ${level} | ${en} |`
  })
  return ['| code | HTTP | retryable | action | log | means |', '| --- | --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}

it('docs/pairing.md shows the error table as it is in the code', () => {
  const text = readFileSync(new URL('../docs/pairing.md', import.meta.url), 'utf8')
  const written = /<!-- errors: [^>]*-->\n([\s\S]*?)\n<!-- \/errors -->/.exec(text)?.[1]
  expect(written).toBe(errorTable())
})
