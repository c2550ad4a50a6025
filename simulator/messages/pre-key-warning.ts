import type { Device } from '../phone/phone.ts'
import { notification, stanza } from '../wire/stanzas.ts'
import { post } from './box.ts'
import { boxOf, type Mailing } from './post-office.ts'
import { count } from './record.ts'

/** Baileys ignores the warning while it counts five pre-keys or more. */
const few = 5

/** Tells a device that few of its pre-keys are left, once until it uploads more. */
export function warnOfFewPreKeys(mailing: Mailing, device: Device): void {
  mailing.save()
  if (device.preKeys >= few || mailing.mail.warned.has(device)) return
  mailing.mail.warned.add(device)
  const box = boxOf(mailing.mail, device)
  count(box.record.sent, 'pre-keys-low')
  post(box, notification('encrypt', stanza('count', { value: String(device.preKeys) })))
}
