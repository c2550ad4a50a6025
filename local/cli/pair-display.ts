/** The texts that `npm run pair` prints. The functions are pure, so that they can be tested without a terminal. */
import { largeCode } from './glyphs.ts'

/** A frame from the server, with the fields that the client reads. */
export type Frame = { readonly event?: string; readonly [field: string]: unknown }

const nextSteps: Readonly<Record<string, string>> = {
  retry: 'Run the command again.',
  wait: 'Wait, then run the command again.',
  'check-number': 'Check the number and run the command again.',
  reset: 'Reset the stored credentials, then run the command again.',
  'use-qr': 'Run the command again with --qr.',
  'contact-support': 'Contact the operator of this Pairplane.',
}

const progress: Readonly<Record<string, string>> = {
  'phone-confirmed': 'The phone has answered, WhatsApp is checking the code …',
  'code-issued': 'The phone did not accept the code: was it mistyped? It can be typed again.',
  restarting: 'Linked. Restarting the connection …',
}

/** Returns the lines for a frame; none for a frame that is not shown. */
export function linesFor(frame: Frame): string[] {
  switch (frame.event) {
    case 'pairing-started':
      return [
        frame['phoneNumber'] ? `Asking WhatsApp to link +${frame['phoneNumber']} …` : 'Asking WhatsApp for a QR …',
      ]
    case 'pairing-code':
      return ['', largeCode(String(frame['code'])), '', `  ${frame['code']}`, '', howTo]
    case 'qr':
      return [`QR (expires in ${frame['expiresIn']} s): ${frame['qr']}`]
    case 'pairing-progress':
      return [progress[String(frame['state'])] ?? String(frame['state'])]
    case 'whatsapp-connected':
      return [`connected${frame['phoneNumber'] ? ` +${frame['phoneNumber']}` : ''}`]
    case 'whatsapp-disconnected':
      return [`WhatsApp connection lost: ${frame['message']}`]
    case 'pairing-cancelled':
      return ['Cancelled.']
    case 'pairing-code-error':
    case 'error':
      return refusal(frame)
    default:
      return []
  }
}

const howTo = 'On the phone: WhatsApp > Linked devices > Link a device > Link with phone number instead.'

function refusal(frame: Frame): string[] {
  const action = typeof frame['action'] === 'string' ? nextSteps[frame['action']] : undefined
  const wait = typeof frame['retryAfter'] === 'number' ? ` Retry after ${frame['retryAfter']} s.` : ''
  const nextStep = `${action ?? ''}${wait}`.trim()
  const reason = frame['reason'] ? `: ${frame['reason']}` : ''
  return [`${frame['code']}: ${frame['message']}${reason}`, ...(nextStep ? [nextStep] : [])]
}

/** The countdown under a code. */
export const countdown = (secondsLeft: number): string => `The code is valid for ${secondsLeft} s more`
