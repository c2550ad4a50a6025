import { expect, test } from 'vitest'
import { describeEvent, type SimulatorEvent } from '../../simulator/service/events.ts'

const phone = '79001234567'

test.each<[SimulatorEvent, string]>([
  [{ type: 'codeRequested', phone, display: 'Chrome (Ubuntu)' }, 'Chrome (Ubuntu) asks to be linked by code'],
  [{ type: 'codeRefused', phone, code: 429, why: 'rate-overlimit' }, 'refused a code (429, rate-overlimit)'],
  [{ type: 'codeTyped', phone, screen: 'linked' }, 'code typed, the phone shows "linked"'],
  [{ type: 'linked', phone, device: 2, by: 'qr' }, 'device 2 linked by qr'],
  [{ type: 'unlinked', phone, device: 2, by: 'companion' }, 'device 2 removed by its companion'],
])('%j is one line, its phone masked', (event, text) => {
  expect(describeEvent(event)).toBe(`79001***567: ${text}`)
})

test('a violation that quotes an identity masks it too', () => {
  const violation = { kind: 'removes-other-device', connection: 1, phone, at: '' } as const
  const detail = `${phone}:3@s.whatsapp.net is not ${phone}:2@s.whatsapp.net`
  expect(describeEvent({ type: 'violation', violation: { ...violation, detail } })).toBe(
    'protocol violation: removes-other-device (79001***567:3@s.whatsapp.net is not 79001***567:2@s.whatsapp.net)',
  )
})
