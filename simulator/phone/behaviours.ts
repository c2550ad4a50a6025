import * as v from 'valibot'
import { type BadInput, type Choice, choice, choose, isBadInput } from '../choice.ts'
import { disruptions } from '../wire/disruptions.ts'
import { type Effect, type Stage, stages } from './effect.ts'

const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(600_000))
const refusalCode = v.optional(v.picklist([400, 500]), 400)
const digits = v.pipe(v.string(), v.regex(/^\d{5,15}$/, 'number must be 5 to 15 digits'))

/** The behaviours that a phone can be given. Each also takes `times`, the number of uses. */
export const behaviours: Readonly<Record<string, Choice<Effect>>> = {
  ok: row('everything works', {}),
  'known-as': choice('the account goes by another form of its number, `number`', { number: digits }, ({ number }) => ({
    knownAs: number,
  })),

  // companion_hello: the companion asks for a code
  'not-registered': row('404: there is no WhatsApp account for this number', helloError(404, 'item-not-found')),
  'bad-request': row('400: also what per-number throttling looks like', helloError(400, 'bad-request')),
  forbidden: row('403', helloError(403, 'forbidden')),
  'rate-limited': row('429: too many codes for this number', helloError(429, 'rate-overlimit')),
  'feature-not-available': row('452: this account links by QR only', helloError(452, 'feature-not-available')),
  'server-error': row('500', helloError(500, 'internal-server-error')),
  silent: row('companion_hello is never answered', { helloSilent: true }),
  'slow-hello': choice('companion_hello is answered after `ms`', { ms: milliseconds }, ({ ms }) => ({
    helloDelayMs: ms,
  })),
  'empty-notification': row('an empty link_code notification follows: the owner opened Linked Devices', {
    noticeAfterHello: 'empty',
  }),
  'refresh-code': row('a refresh_code notification follows', { noticeAfterHello: 'refresh_code' }),
  'companion-reg-refresh': row('the QR secret is retired: a QR shown before cannot link, the code can', {
    noticeAfterHello: 'companion_reg_refresh',
  }),
  passkey: choice(
    'the account wants a passkey, and says so `when` the phone confirms ("confirm") or at once ("hello")',
    { when: v.optional(v.picklist(['confirm', 'hello']), 'confirm') },
    ({ when }) =>
      when === 'hello' ? { needsPasskey: true, noticeAfterHello: 'passkey_prologue_request' } : { needsPasskey: true },
  ),

  // The owner at the phone
  'wrong-code': row('the owner mistypes every code (or the first `times`)', { mistypes: true }),
  'code-expired': row('the phone says that the code has expired', { screen: 'code expired' }),
  'device-limit': row('the phone says that it has too many devices', { screen: 'device limit reached' }),
  'never-enters': row('the owner walks away', { screen: 'not entered' }),
  'other-phone': choice(
    'this phone types the code that was asked for `number`, or the newest code of anybody',
    { number: v.optional(digits) },
    ({ number }) => ({ typesCodeOf: number ?? 'anybody' }),
  ),

  // companion_finish: the companion answers the phone
  'finish-refused': choice('companion_finish is refused with `code`', { code: refusalCode }, ({ code }) => ({
    finishError: { code, text: code === 400 ? 'bad-request' : 'internal-server-error' },
  })),
  'finish-silent': row('companion_finish is never answered', { finishSilent: true }),

  // pair-success: the phone signs the device's identity
  'pair-success-never': row('the phone confirms, but pair-success never comes', { pairSuccess: 'never' }),
  'pair-success-slow': choice('pair-success comes after `ms`', { ms: milliseconds }, ({ ms }) => ({
    pairSuccess: { afterMs: ms },
  })),
  'bad-hmac': row('the device identity is authenticated with another secret', { identityFlaw: 'bad-hmac' }),
  'forged-account-signature': row('the device identity is signed by a stranger', {
    identityFlaw: 'forged-account-signature',
  }),
  'missing-device-identity': row('pair-success comes without a device identity', { identityFlaw: 'missing' }),
  'close-instead-of-515': row('linked, but the connection just closes', { withoutRestart: 'close' }),
  'no-close-after-pair': row('linked, but neither 515 nor a close follows', { withoutRestart: 'stay' }),

  // Logging in
  banned: choice(
    'the account is banned (406) or locked (403)',
    { reason: v.optional(v.picklist([403, 406]), 406) },
    (params) => loginFailure(params.reason),
  ),
  'temporarily-banned': choice(
    '402 with the reason `code` and `expire` seconds to wait',
    { code: v.optional(v.number(), 101), expire: v.optional(v.number(), 3600) },
    ({ code, expire }) => loginFailure(402, { code: String(code), expire: String(expire) }),
  ),
  outdated: row('405: the client is too old', loginFailure(405)),
  'login-fails-with': choice(
    'every login is refused with `reason` (401, 409, 413, 415, 418, 500, 501, 503 ...)',
    { reason: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)) },
    ({ reason }) => loginFailure(reason),
  ),
  'prekey-count-silent': row('the pre-key count is never answered', { bringUp: 'count-silent' }),
  'prekey-upload-refused': row('pre-keys are refused', { bringUp: 'upload-refused' }),
  'passive-silent': row('the switch to active is never answered', { bringUp: 'passive-silent' }),
  'digest-refused': row('the digest of the keys is refused', { bringUp: 'digest-refused' }),

  // Unlinking
  'unlink-before-login': row('the owner removes the device before its first login', { unlinks: 'signed' }),
  'unlink-after-link': row('the owner removes the device as soon as it is up', { unlinks: 'open' }),
  'unlink-silent': row('remove-companion-device is never answered, nor done', { removalSilent: true }),

  // Anything, at any stage
  disrupt: choice(
    'does what `how` says (see the table of disruptions) at `stage`, with the parameters in `params`',
    {
      how: v.picklist(Object.keys(disruptions)),
      stage: v.picklist(stages),
      params: v.optional(v.record(v.string(), v.unknown()), {}),
    },
    ({ how, stage, params }) => disruptAt(stage, how, params),
  ),
  ...namedDisruptions(),
}

/** A behaviour without parameters. */
function row(description: string, effect: Effect): Choice<Effect> {
  return choice(description, {}, () => effect)
}

function helloError(code: number, text: string): Effect {
  return { helloError: { code, text } }
}

function loginFailure(reason: number, attrs: Record<string, string> = {}): Effect {
  return { loginFailure: { reason, attrs } }
}

function disruptAt(stage: Stage, how: string, params: Record<string, unknown>): Effect | BadInput {
  const disruption = choose(disruptions, 'how', how, params)
  return isBadInput(disruption) ? disruption : { disruptAt: { stage, disruption } }
}

/** Behaviours for single disruptions: `cut-after-<stage>` for every stage, and `<disruption>-after-open` for each. */
function namedDisruptions(): Record<string, Choice<Effect>> {
  const cuts = stages.map((stage) => [
    `cut-after-${stage}`,
    row(`the connection is cut at the stage "${stage}"`, {
      disruptAt: { stage, disruption: ({ connection }) => connection.cut() },
    }),
  ])
  const ends = Object.entries(disruptions).map(([how, { description, choose }]) => [
    `${how}-after-open`,
    {
      description: `once the device is up, ${description}`,
      choose(params: Record<string, unknown>) {
        const disruption = choose(params)
        return isBadInput(disruption) ? disruption : { disruptAt: { stage: 'open', disruption } }
      },
    },
  ])
  return Object.fromEntries([...cuts, ...ends])
}
