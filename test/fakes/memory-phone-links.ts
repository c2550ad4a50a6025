/** Links of phones in memory. */
import { isKept, type PhoneLink, type PhoneLinks } from '#shared/dynamo/clients/phone-links.ts'
import { StoreUnavailable } from '#shared/dynamo/store-unavailable.ts'
import { outage } from './outage.ts'

export function memoryPhoneLinks() {
  const links = new Map<string, Map<string, PhoneLink>>()
  const { controls, answer } = outage(() => new StoreUnavailable('dynamodb', new Error('away')))
  /** Notes that arrived, also those that changed nothing. */
  const notes: PhoneLink[] = []
  const store: PhoneLinks = {
    async note(phoneHash, link) {
      await answer()
      notes.push(link)
      const ofPhone = links.get(phoneHash) ?? new Map<string, PhoneLink>()
      links.set(phoneHash, ofPhone)
      const known = ofPhone.get(link.companyId)
      const isEnd = known?.linkedAt === link.linkedAt && known.removedAt === undefined && link.removedAt !== undefined
      if (!known || known.linkedAt < link.linkedAt || isEnd) ofPhone.set(link.companyId, link)
    },
    async companiesOf(phoneHash, now) {
      await answer()
      const ofPhone = [...(links.get(phoneHash)?.values() ?? [])]
      return ofPhone.filter((link) => isKept(link, now)).sort((a, b) => (a.companyId < b.companyId ? -1 : 1))
    },
  }
  return { ...store, ...controls, notes }
}
