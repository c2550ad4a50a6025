import type { BinaryNode } from '@whiskeysockets/baileys'
import { notification, stanza } from '../wire/stanzas.ts'
import type { Notice } from './effect.ts'
import type { Registration } from './waiting-companion.ts'

/** Notifies a companion that waits for its phone. `companion_reg_refresh` also retires the secret in its QR codes. */
export function sendNotice(registration: Registration, notice: Notice): void {
  if (notice === 'companion_reg_refresh') registration.hasRetiredQr = true
  registration.channel.send(noticeOf(notice))
}

function noticeOf(notice: Notice): BinaryNode {
  switch (notice) {
    case 'empty':
      return notification('link_code_companion_reg', stanza('link_code_companion_reg'))
    case 'refresh_code':
      return notification('link_code_companion_reg', stanza('link_code_companion_reg', { stage: 'refresh_code' }))
    default:
      return notification(notice, stanza(notice))
  }
}
