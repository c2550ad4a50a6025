import { expect, test } from 'vitest'
import { boundedCache } from '../../socket-host/bounded-cache.ts'
import { libraryLogger, silenceLibsignal } from '../../socket-host/library-logger.ts'

test('of what Baileys says, only the words of warnings and errors pass, masked', () => {
  const lines: unknown[] = []
  const keep = (fields: object, message: string) => lines.push({ ...fields, message })
  const logger = libraryLogger({ debug: keep, warn: keep, error: keep })
  logger.info()
  logger.child().error({ err: new Error('no session for 79001234567'), node: { jid: '79001234567@x' } }, 'failed')
  logger.warn('Invalid LID-PN mapping: 123456789012@lid')
  expect(lines).toEqual([
    { library: 'baileys', level: 'error', error: 'no session for ***', message: 'failed' },
    { library: 'baileys', level: 'warn', message: 'Invalid LID-PN mapping: ***@lid' },
  ])
})

test('libsignal does not print sessions with their private keys, and others print as before', () => {
  const printed: unknown[][] = []
  const print = (...words: unknown[]) => void printed.push(words)
  const target = { info: print, warn: print, error: print }
  silenceLibsignal(target)
  target.info('Closing session:', { currentRatchet: { ephemeralKeyPair: { privKey: Buffer.alloc(32) } } })
  target.warn('Session already closed', {})
  target.error('Session error:Error: Bad MAC', 'stack')
  target.info('ready', 4000)
  expect(printed).toEqual([['ready', 4000]])
})

test('a cache holds no more than its bound, and nothing for longer than its time', () => {
  let now = 0
  const cache = boundedCache(2, 100, () => now)
  for (const key of ['a', 'b', 'a', 'c']) cache.set(key, key.toUpperCase())
  expect(['a', 'b', 'c'].map((key) => cache.get<string>(key))).toEqual(['A', undefined, 'C'])
  now = 100
  expect(cache.get<string>('c')).toBeUndefined()
})
