import { once } from 'node:events'
import { type BinaryNode, Curve, S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { waHeader } from '../../simulator/wire/frames.ts'
import {
  type Companion,
  connect,
  copyOf,
  end,
  enterCode,
  linkByCode,
  linkedDevice,
  newAuth,
  newNumber,
  reportOf,
  scanQr,
  verifyStrictly,
} from './companion.ts'

let simulator: Simulator

beforeEach(async () => {
  verifyStrictly()
  simulator = await startSimulator()
})
afterEach(() => simulator.close())

describe('logging in', () => {
  test('with half-paired credentials: 401', async () => {
    const auth = newAuth()
    auth.creds.me = { id: `${newNumber()}@s.whatsapp.net` }
    expect(await connect(simulator, auth).closed).toMatchObject({ status: 401, message: 'Connection Failure' })
    await expectViolations({ 'login-half-paired': 1 })
  })

  test('with credentials of a code that was asked for but never typed: 401', async () => {
    const companion = connect(simulator)
    await companion.requestCode(newNumber())
    await end(companion)
    expect((await connect(simulator, companion.auth).closed).status).toBe(401)
    await expectViolations({ 'login-half-paired': 1 })
  })

  test('as a device that was never linked: 401', async () => {
    const auth = newAuth()
    auth.creds.me = { id: `${newNumber()}:3@s.whatsapp.net` }
    expect((await connect(simulator, auth).closed).status).toBe(401)
    await expectViolations({ 'login-never-linked': 1 })
  })

  test('with another noise key: 401', async () => {
    const auth = await linkByCode(simulator, newNumber())
    Object.assign(auth.creds, { noiseKey: Curve.generateKeyPair() })
    expect((await connect(simulator, auth).closed).status).toBe(401)
    await expectViolations({ 'login-wrong-noise-key': 1 })
  })

  test('twice at once: the first is replaced', async () => {
    const auth = await linkedDevice(simulator, newNumber())
    const first = connect(simulator, copyOf(auth))
    await first.opened
    const second = connect(simulator, copyOf(auth))
    expect(await first.closed).toMatchObject({ status: 440, data: { attrs: { type: 'replaced' } } })
    await second.opened
    await expectViolations({ 'device-online-twice': 1 })
    expect((await reportOf(simulator)).online).toHaveLength(1)
    await end(second)
  })

  test('with routing info that the service did not send', async () => {
    const auth = await linkedDevice(simulator, newNumber())
    auth.creds.routingInfo = Buffer.from('elsewhere')
    const companion = connect(simulator, auth)
    await companion.opened
    await expectViolations({ 'unknown-routing-info': 1 })
    await end(companion)
  })
})

describe('registering', () => {
  test('with a pre-key that the identity did not sign: 400', async () => {
    const auth = newAuth()
    auth.creds.signedPreKey.signature[5]! ^= 1
    expect((await connect(simulator, auth).closed).status).toBe(400)
    await expectViolations({ 'bad-prekey-signature': 1 })
  })

  test('with the keys of a linked device', async () => {
    const auth = await linkByCode(simulator, newNumber())
    const { me: _me, ...creds } = auth.creds
    const companion = connect(simulator, { ...auth, creds })
    await companion.firstQr
    await expectViolations({ 'registration-with-linked-keys': 1 })
    await end(companion)
  })

  test('with the same keys on two sockets', async () => {
    const auth = newAuth()
    const companions = [connect(simulator, copyOf(auth)), connect(simulator, copyOf(auth))]
    await Promise.all(companions.map(({ firstQr }) => firstQr))
    await expectViolations({ 'same-keys-on-two-sockets': 1 })
    await Promise.all(companions.map(end))
  })

  test('and asking for something else meanwhile', async () => {
    const companion = connect(simulator)
    await companion.firstQr
    await expect(companion.sock.query(iq('encrypt', { tag: 'count', attrs: {} }))).rejects.toThrow('not-allowed')
    await expectViolations({ 'unexpected-stanza': 1 })
    await end(companion)
  })
})

describe('asking for a code', () => {
  test('under a name of one’s own: 400', async () => {
    const companion = connect(simulator, undefined, { browser: ['Acme', 'Chrome', '1.0'] })
    expect(await companion.requestCode(newNumber())).toMatchObject({ answer: 400 })
    await expectViolations({ 'hello-display-not-canonical': 1 })
    await end(companion)
  })

  test('for something that is not a number: 400', async () => {
    const companion = connect(simulator)
    expect(await companion.requestCode('+79001234567')).toMatchObject({ answer: 400 })
    await expectViolations({ 'hello-jid-not-digits': 1 })
    await end(companion)
  })

  test('with another key than the connection’s: 400', async () => {
    const companion = connect(simulator)
    await companion.firstQr
    Object.assign(companion.auth.creds, { noiseKey: Curve.generateKeyPair() })
    expect(await companion.requestCode(newNumber())).toMatchObject({ answer: 400 })
    await expectViolations({ 'hello-noise-key-mismatch': 1 })
    await end(companion)
  })

  test('before pair-device is confirmed: 400', async () => {
    const companion = connect(simulator)
    companion.sock.ws.prependOnceListener('CB:iq,type:set,pair-device', () => {
      void companion.sock.sendNode(iq('md', hello(newNumber())))
    })
    await companion.firstQr
    await expect(companion.sock.query(iq('md', hello(newNumber())))).rejects.toThrow('bad-request')
    await expectViolations({ 'hello-before-pair-device': 1, 'hello-malformed': 1 })
    await end(companion)
  })

  test('again while the first waits, here or elsewhere', async () => {
    const number = newNumber()
    const companions = [connect(simulator), connect(simulator)] as const
    await companions[0].requestCode(number)
    await companions[0].requestCode(number)
    await companions[1].requestCode(number)
    await expectViolations({ 'hello-while-pending': 1, 'hello-while-pending-elsewhere': 1 })
    await Promise.all(companions.map(end))
  })

  test('and showing a QR that is scanned instead', async () => {
    const number = newNumber()
    const companion = connect(simulator)
    await companion.requestCode(number)
    expect((await scanQr(simulator, number, await companion.firstQr)).body.screen).toBe('linked')
    await expectViolations({ 'qr-and-code-on-one-socket': 1 })
    await companion.closed
  })
})

describe('answering the phone', () => {
  test('with another identity than was registered', async () => {
    const number = newNumber()
    const companion = connect(simulator)
    const { code } = await companion.requestCode(number)
    Object.assign(companion.auth.creds, { signedIdentityKey: Curve.generateKeyPair() })
    const typed = enterCode(simulator, number, code)
    await violation('finish-identity-mismatch')
    await end(companion)
    expect((await typed).body.screen).toBe('could not link')
  })

  test('without being asked', async () => {
    const companion = connect(simulator)
    await companion.firstQr
    const finish = { tag: 'link_code_companion_reg', attrs: { stage: 'companion_finish' } }
    await expect(companion.sock.query(iq('md', finish))).rejects.toThrow('bad-request')
    await expectViolations({ 'finish-unasked': 1 })
    await end(companion)
  })

  test('with a signature of another key', async () => {
    const companion = connect(simulator)
    const qr = await companion.firstQr
    companion.auth.creds.signedIdentityKey.private = Curve.generateKeyPair().private
    verifyStrictly(false)
    expect((await scanQr(simulator, newNumber(), qr)).body.screen).toBe('could not link')
    await expectViolations({ 'bad-device-signature': 1 })
    await companion.closed
  })

  test('after showing a QR of other keys', async () => {
    const companion = connect(simulator)
    const [ref] = (await companion.firstQr).split(',')
    const key = Buffer.alloc(32, 1).toString('base64')
    await scanQr(simulator, newNumber(), [ref, key, key, key].join(','))
    await expectViolations({ 'qr-of-other-keys': 1 })
    await companion.closed
  })
})

describe('once linked', () => {
  test('removing another device is refused', async () => {
    const companion = await opened()
    const removal = { tag: 'remove-companion-device', attrs: { jid: '79161234569:1@s.whatsapp.net' } }
    await expect(companion.sock.query(iq('md', removal))).rejects.toThrow('forbidden')
    await expectViolations({ 'removes-other-device': 1 })
    await end(companion)
  })

  test('uploading pre-keys under ids that were used is noticed', async () => {
    const companion = await opened()
    Object.assign(companion.auth.creds, { nextPreKeyId: 1, firstUnuploadedPreKeyId: 1 })
    await companion.sock.uploadPreKeys(5)
    await expectViolations({ 'prekey-ids-again': 1 })
    await end(companion)
  })

  test('uploading keys of another identity is refused', async () => {
    const companion = await opened()
    Object.assign(companion.auth.creds, { signedIdentityKey: Curve.generateKeyPair() })
    companion.sock.uploadPreKeys(5).catch(() => {})
    await violation('prekey-upload')
    await end(companion)
  })
})

describe('on the wire', () => {
  test.each([
    ['bad-stream', Buffer.from('GET / HTTP/1.1')],
    ['bad-stanza', Buffer.concat([waHeader, Buffer.from([0, 0, 2, 7, 7])])],
  ])('%s ends the connection', async (kind, bytes) => {
    const socket = new WebSocket(simulator.webSocketUrl)
    await once(socket, 'open')
    socket.send(bytes)
    await once(socket, 'close')
    await expectViolations({ [kind]: 1 })
  })
})

async function expectViolations(counts: Record<string, number>): Promise<void> {
  expect((await reportOf(simulator)).violations.counts).toEqual(counts)
}

/** Waits until the service has counted a violation that the client gets no answer to. */
async function violation(kind: string): Promise<void> {
  await expect.poll(async () => (await reportOf(simulator)).violations.counts, { interval: 10 }).toHaveProperty(kind)
}

async function opened(): Promise<Companion> {
  const companion = connect(simulator, await linkByCode(simulator, newNumber()))
  await companion.opened
  return companion
}

function iq(xmlns: string, child: BinaryNode): BinaryNode {
  return { tag: 'iq', attrs: { to: S_WHATSAPP_NET, type: 'set', xmlns }, content: [child] }
}

function hello(number: string): BinaryNode {
  return { tag: 'link_code_companion_reg', attrs: { jid: `${number}@s.whatsapp.net`, stage: 'companion_hello' } }
}
