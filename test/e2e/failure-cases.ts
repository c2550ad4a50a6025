/** The failures of the simulated WhatsApp, and their outcomes as a client sees them: end-to-end case 11. */

/** A behaviour and the outcome of a pairing with it: `connected`, or the code of the error that ends it. */
export type Case = readonly [behaviour: string, outcome: string, parameters?: object]

/** Behaviours of a phone, or of WhatsApp on its behalf, while it is being linked. */
export const whileLinking: readonly Case[] = [
  ['not-registered', 'INVALID_PHONE'],
  ['bad-request', 'CLIENT_REJECTED'],
  ['forbidden', 'CLIENT_REJECTED'],
  ['feature-not-available', 'CLIENT_REJECTED'],
  ['server-error', 'WHATSAPP_UNAVAILABLE'],
  ['rate-limited', 'RATE_LIMITED'],
  ['slow-hello', 'connected', { ms: 500 }],
  ['empty-notification', 'connected'],
  ['refresh-code', 'connected'],
  ['companion-reg-refresh', 'connected'],
  ['passkey', 'PASSKEY_REQUIRED'],
  ['passkey', 'PASSKEY_REQUIRED', { when: 'hello' }],
  ['pair-success-slow', 'connected', { ms: 1000 }],
  ['known-as', 'CREDENTIALS_CONFLICT', { number: '5511987654321' }],
  ['forged-account-signature', 'CLIENT_REJECTED'],
  ['bad-hmac', 'CLIENT_REJECTED'],
  ['missing-device-identity', 'CLIENT_REJECTED'],
  ['close-instead-of-515', 'connected'],
  ['no-close-after-pair', 'connected'],
  ['banned', 'ACCOUNT_RESTRICTED', { reason: 406 }],
  ['banned', 'ACCOUNT_RESTRICTED', { reason: 403 }],
  ['temporarily-banned', 'ACCOUNT_RESTRICTED'],
  // A refusal that is not repeated may be an error of WhatsApp's (R46).
  ['login-fails-with', 'connected', { reason: 401, times: 1 }],
  ['login-fails-with', 'connected', { reason: 409, times: 1 }],
  ['login-fails-with', 'connected', { reason: 500, times: 1 }],
  ['login-fails-with', 'connected', { reason: 503, times: 1 }],
  ['prekey-upload-refused', 'connected', { times: 1 }],
  ['digest-refused', 'connected', { times: 1 }],
  ['cut-after-hello', 'WHATSAPP_UNAVAILABLE'],
  ['cut-after-finish', 'WHATSAPP_UNAVAILABLE'],
  ['cut-after-signed', 'connected', { times: 1 }],
  ['cut-after-login', 'connected', { times: 1 }],
  ['cut-after-success', 'connected', { times: 1 }],
  ['cut-after-open', 'connected', { times: 1 }],
  ['close-after-open', 'connected', { times: 1 }],
  ['xmlstreamend-after-open', 'connected', { times: 1 }],
  ['stream-error-after-open', 'connected', { code: 516, times: 1 }],
  ['conflict-after-open', 'connected', { type: 'no-such-type', times: 1 }],
  ['replaced-after-open', 'connected', { times: 1 }],
  ['downgrade-after-open', 'connected', { times: 1 }],
  ['undecryptable-after-open', 'connected', { times: 1 }],
  ['undecodable-after-open', 'connected', { times: 1 }],
  ['plaintext-after-open', 'connected', { hex: '00', times: 1 }],
  ['invalid-frame-after-open', 'connected', { times: 1 }],
  ['disrupt', 'connected', { how: 'conflict', stage: 'login', params: { type: 'no-such-type' }, times: 1 }],
  ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'stream-error', stage: 'hello', params: { code: 503 } }],
  ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'xmlstreamend', stage: 'hello' }],
  ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'invalid-frame', stage: 'hello' }],
  ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'undecodable', stage: 'hello' }],
  ['disrupt', 'WHATSAPP_UNAVAILABLE', { how: 'replaced', stage: 'hello' }],
]

/** Behaviours in which WhatsApp refuses every login of the new device: it is logged out, and its credentials stay (R46). */
export const refusedTwice: readonly Case[] = [
  ['login-fails-with', 'LOGGED_OUT', { reason: 401 }],
  ['unlink-before-login', 'LOGGED_OUT'],
  // WhatsApp has sent pair-success but got no acknowledgement, so it has not kept the device.
  ['cut-after-pair-success', 'LOGGED_OUT'],
]

/** Behaviours in which WhatsApp says that the new device was removed: its credentials go (R46). */
export const removed: readonly Case[] = [
  ['unlink-after-link', 'LOGGED_OUT'],
  ['removed-after-open', 'LOGGED_OUT'],
  // Without a code, as WhatsApp's own clients expect it.
  ['conflict-after-open', 'LOGGED_OUT', { type: 'device_removed' }],
  ['disrupt', 'LOGGED_OUT', { how: 'conflict', stage: 'login', params: { type: 'device_removed' } }],
]

/**
 * Behaviours that show only after a time-out: a wrong code, a refused and a missing answer look the same to the host
 * (R18).
 */
export const untilTimeIsUp: readonly Case[] = [
  ['silent', 'PAIRING_TIMEOUT'],
  ['never-enters', 'CODE_EXPIRED'],
  ['code-expired', 'CODE_EXPIRED'],
  ['device-limit', 'CODE_EXPIRED'],
  ['finish-refused', 'CODE_EXPIRED', { code: 400 }],
  ['finish-refused', 'CODE_EXPIRED', { code: 500 }],
  ['finish-silent', 'CODE_EXPIRED'],
  ['pair-success-never', 'CODE_EXPIRED'],
]

/** Failures of WhatsApp as a whole. */
export const wholeService: readonly Case[] = [
  ['down', 'WHATSAPP_UNAVAILABLE'],
  ['pause', 'connected', { ms: 1000 }],
  ['slow', 'connected', { ms: 50 }],
  ['refuse-upgrade', 'WHATSAPP_UNAVAILABLE'],
  ['handshake-cut', 'WHATSAPP_UNAVAILABLE'],
  ['handshake-garbage', 'WHATSAPP_UNAVAILABLE'],
  ['handshake-other-key', 'WHATSAPP_UNAVAILABLE'],
  ['forged-certificate', 'WHATSAPP_UNAVAILABLE'],
  ['cert-wrong-key', 'WHATSAPP_UNAVAILABLE'],
  ['certificate-malformed', 'WHATSAPP_UNAVAILABLE'],
  // Its dates are not judged: see docs/decisions.
  ['certificate-expired', 'connected'],
  ['cut-after-handshake', 'WHATSAPP_UNAVAILABLE'],
  ['cut-after-pair-device', 'WHATSAPP_UNAVAILABLE'],
  ['one-ref', 'connected'],
  ['no-refs', 'WHATSAPP_UNAVAILABLE'],
  ['registration-fails-with', 'CLIENT_OUTDATED', { reason: 405 }],
  ['registration-fails-with', 'ACCOUNT_RESTRICTED', { reason: 403 }],
  ['registration-fails-with', 'CLIENT_REJECTED', { reason: 400 }],
  ['registration-fails-with', 'CLIENT_REJECTED', { reason: 401 }],
  ['registration-fails-with', 'WHATSAPP_UNAVAILABLE', { reason: 503 }],
  ['login-fails-with', 'ACCOUNT_RESTRICTED', { reason: 403 }],
]

/** Failures of WhatsApp in which connections hang without any event. */
export const hangingService: readonly Case[] = [
  ['upgrade-hangs', 'PAIRING_TIMEOUT'],
  ['handshake-silent', 'PAIRING_TIMEOUT'],
]

/** Behaviours with a test of their own, and its file. */
export const elsewhere: Readonly<Record<string, string>> = {
  ok: 'everywhere',
  'wrong-code': 'failures.test.ts',
  'other-phone': 'credentials.test.ts',
  outdated: 'stored-link.test.ts',
  'unlink-silent': 'credentials.test.ts',
  'prekey-count-silent': 'isolation.test.ts',
  'passive-silent': 'isolation.test.ts',
  // Tested as disruptions of open sessions.
  'mute-after-open': 'isolation.test.ts',
  'vanish-after-open': 'isolation.test.ts',
}
