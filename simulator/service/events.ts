import { maskPhone } from '#shared/domain/values/phone.ts'
import { redact } from '#shared/telemetry/redact.ts'
import type { Screen } from '../phone/screen.ts'
import type { Violation } from './violations.ts'

/** An event in the simulated WhatsApp. A local run prints it as one line. */
export type SimulatorEvent =
  | { readonly type: 'codeRequested'; readonly phone: string; readonly display: string }
  | { readonly type: 'codeRefused'; readonly phone: string; readonly code: number; readonly why: string }
  | { readonly type: 'codeTyped'; readonly phone: string; readonly screen: Screen }
  | { readonly type: 'qrScanned'; readonly phone: string; readonly screen: Screen }
  | { readonly type: 'linked'; readonly phone: string; readonly device: number; readonly by: 'code' | 'qr' }
  | { readonly type: 'deviceOnline'; readonly phone: string; readonly device: number }
  | { readonly type: 'deviceOffline'; readonly phone: string; readonly device: number }
  | { readonly type: 'loginRefused'; readonly phone: string; readonly reason: number; readonly why: string }
  | { readonly type: 'unlinked'; readonly phone: string; readonly device: number; readonly by: 'phone' | 'companion' }
  | { readonly type: 'violation'; readonly violation: Violation }

/** Describes the event in one line. The phone is masked, as in every log (R5). */
export function describeEvent(event: SimulatorEvent): string {
  if (event.type === 'violation')
    return `protocol violation: ${event.violation.kind} (${redact(event.violation.detail)})`
  return `${maskPhone(event.phone)}: ${whatHappened(event)}`
}

function whatHappened(event: Exclude<SimulatorEvent, { type: 'violation' }>): string {
  switch (event.type) {
    case 'codeRequested':
      return `${event.display} asks to be linked by code`
    case 'codeRefused':
      return `refused a code (${event.code}, ${event.why})`
    case 'codeTyped':
      return `code typed, the phone shows "${event.screen}"`
    case 'qrScanned':
      return `QR scanned, the phone shows "${event.screen}"`
    case 'linked':
      return `device ${event.device} linked by ${event.by}`
    case 'deviceOnline':
      return `device ${event.device} is online`
    case 'deviceOffline':
      return `device ${event.device} went offline`
    case 'loginRefused':
      return `login refused (${event.reason}, ${event.why})`
    case 'unlinked':
      return `device ${event.device} removed by its ${event.by}`
  }
}
