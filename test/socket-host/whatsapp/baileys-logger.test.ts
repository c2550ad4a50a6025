import { expect, test } from 'vitest'
import { baileysLogger, logAbout, silenceLibsignal } from '../../../socket-host/whatsapp/baileys-logger.ts'
import { createWhatsApp } from '../../../socket-host/whatsapp/baileys-whatsapp.ts'
import { companyId, companyRig, phoneB } from '../support/company-rig.ts'
import { aTarget, startRig } from './whatsapp-rig.ts'

test("only the text of Baileys' warnings and errors passes, masked", () => {
  const lines: unknown[] = []
  const keep = (fields: object, message: string) => lines.push({ ...fields, message })
  const logger = baileysLogger({ debug: keep, warn: keep, error: keep })
  logger.info()
  logger.child().error({ err: new Error('no session for 79001234567'), node: { jid: '79001234567@x' } }, 'failed')
  logger.warn('Invalid LID-PN mapping: 123456789012@lid')
  expect(lines).toEqual([
    { library: 'baileys', level: 'error', error: 'no session for ***', message: 'failed' },
    { library: 'baileys', level: 'warn', message: 'Invalid LID-PN mapping: ***@lid' },
  ])
})

test('the fields of `about` are evaluated for each line, and the fields of the line win', () => {
  const lines: unknown[] = []
  const keep = (fields: object, message: string) => lines.push({ ...fields, message })
  let correlationId = 'c1'
  const log = logAbout({ debug: keep, warn: keep, error: keep }, () => ({ companyId: '1', correlationId }))
  baileysLogger(log).warn('before')
  correlationId = 'c2'
  log.error({ companyId: '2' }, 'after')
  expect(lines).toEqual([
    { companyId: '1', correlationId: 'c1', library: 'baileys', level: 'warn', message: 'before' },
    { companyId: '2', correlationId: 'c2', message: 'after' },
  ])
})

test('the lines of a socket name company, request and attempt, and no attempt when it is over', async () => {
  const s = companyRig()
  await s.linked()
  const session = s.whatsApp.last().about
  expect(session?.()).toEqual({ companyId, correlationId: expect.any(String) })
  await s.request(phoneB)
  expect(s.whatsApp.live('registration')[0]?.about?.()).toEqual({ companyId, correlationId: 'corr-2', attemptId: 'a2' })
})

test('lines of Baileys about a socket carry these fields too', async () => {
  const rig = await startRig()
  const lines: object[] = []
  const keep = (fields: object, message: string) => lines.push({ ...fields, message })
  const log = { debug: keep, warn: keep, error: keep }
  const whatsApp = createWhatsApp({ store: rig.store, clock: Date.now, log })
  const credentials = await rig.link('79001234567', aTarget())
  const session = rig.open(credentials, {
    ...whatsApp,
    open: (own, listener) => whatsApp.open(own, listener, () => ({ correlationId: 'c1' })),
  })
  await session.next('opened')
  await rig.phone('79001234567', 'unlink')
  await session.next('closed')
  await rig.stop()
  expect(lines).toContainEqual(expect.objectContaining({ library: 'baileys', correlationId: 'c1' }))
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
