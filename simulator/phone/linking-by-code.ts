import { advSecretOf, openKeyBundle, unwrapKey, wrapKey } from '../crypto/link-code.ts'
import { generateKeyPair, sharedSecret } from '../crypto/x25519.ts'
import { expectOf } from '../wire/expectation.ts'
import { notification, stanza } from '../wire/stanzas.ts'
import { take } from './behaviour.ts'
import type { LinkingService } from './linking-service.ts'
import type { Phone } from './phone.ts'
import type { LinkOutcome } from './screen.ts'
import type { FinishAnswer, PendingCode, Registration } from './waiting-companion.ts'

type Request = { readonly registration: Registration; readonly pending: PendingCode }

/** The owner types a code into the phone. Resolves when the phone shows the outcome. */
export async function enterCode(service: LinkingService, phone: Phone, typed: string): Promise<LinkOutcome> {
  const screen = take(phone, 'screen')
  if (screen) return { screen }
  if (phone.devices.length >= service.deviceLimit) return { screen: 'device limit reached' }
  const request = findRequest(service, phone)
  if (!request) return { screen: 'no pending request' }
  const { pending } = request
  if (Date.now() - pending.issuedAt > service.timings.codeLifetimeMs) return { screen: 'code expired' }
  // One code at a time, as at a real phone: a second code waits for the outcome of the first.
  const outcome = pending.lastTry.then(() => tryCode(service, request, phone, typed))
  pending.lastTry = outcome
  return outcome
}

async function tryCode(service: LinkingService, request: Request, phone: Phone, typed: string): Promise<LinkOutcome> {
  const { registration, pending } = request
  const code = take(phone, 'mistypes') ? mistype(typed) : typed
  const companionEphemeral = await unwrapKey(code, pending.wrappedEphemeral)
  const ephemeral = generateKeyPair()
  const wrappedEphemeral = await wrapKey(code, ephemeral.public)
  // Meanwhile, the companion may have asked for another code, or the previous try may have linked it.
  if (registration.pending !== pending) return { screen: 'no pending request' }
  const answer = await exchange(service, request, phone, wrappedEphemeral)
  if (!answer) return { screen: 'could not link' }
  if ('screen' in answer) return answer

  const secret = sharedSecret(ephemeral.private, companionEphemeral)
  const bundle = openKeyBundle(answer.bundle, secret)
  if (!bundle?.companionIdentity.equals(registration.identityKey)) return { screen: 'wrong code' }
  if (!bundle.primaryIdentity.equals(phone.identity.public)) return { screen: 'could not link' }
  delete registration.pending
  const advSecret = advSecretOf(secret, phone.identity.private, bundle)
  return service.link(registration, { phone, advSecret, by: 'code' })
}

/** Finds the newest request for this phone. With the behaviour `other-phone`, finds one for another number. */
function findRequest(service: LinkingService, phone: Phone): Request | undefined {
  const requests = [...service.registrations]
    .flatMap((registration) => (registration.pending ? [{ registration, pending: registration.pending }] : []))
    .filter(({ registration }) => registration.channel.connection.isOpen())
    .sort((a, b) => b.pending.issuedAt - a.pending.issuedAt)
  const own = requests.find(({ pending }) => pending.phone === phone)
  if (own || requests.length === 0) return own
  const number = take(phone, 'typesCodeOf')
  if (number === undefined) return undefined
  return requests.find(({ pending }) => number === 'anybody' || pending.phone.number === number)
}

/** Sends primary_hello and waits for companion_finish. */
function exchange(
  service: LinkingService,
  { registration, pending }: Request,
  phone: Phone,
  wrappedEphemeral: Buffer,
): Promise<FinishAnswer | undefined> {
  const { channel } = registration
  const answer = expectOf<FinishAnswer>(channel.connection, service.timings.finishTimeoutMs)
  pending.exchange = { phone, answer }
  const hello = stanza('link_code_companion_reg', { stage: 'primary_hello' }, [
    stanza('link_code_pairing_wrapped_primary_ephemeral_pub', {}, wrappedEphemeral),
    stanza('primary_identity_pub', {}, phone.identity.public),
    stanza('link_code_pairing_ref', {}, Buffer.from(pending.ref)),
  ])
  channel.send(notification('link_code_companion_reg', hello))
  return answer.outcome
}

function mistype(code: string): string {
  return (code.startsWith('A') ? 'B' : 'A') + code.slice(1)
}
