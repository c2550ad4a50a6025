/** Fuzz targets for stanzas from WhatsApp, sent to a session with the real Baileys. */
import assert from 'node:assert/strict'
import { type BinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { blameSocket } from '../../socket-host/whatsapp/current-socket.ts'
import type { Credentials, SocketEvent } from '../../socket-host/whatsapp/port.ts'
import { aTarget, type Rig, startRig } from '../socket-host/whatsapp/whatsapp-rig.ts'
import { type FuzzTarget, target, text } from './target.ts'

const number = '79001234567'
const server = 's.whatsapp.net'
const tags = [
  'iq',
  'message',
  'notification',
  'receipt',
  'call',
  'ib',
  'success',
  'failure',
  'stream:error',
  'presence',
  'ack',
]
const kinds = [
  'get',
  'set',
  'result',
  'error',
  'account_sync',
  'encrypt',
  'devices',
  'server_sync',
  'link_code_companion_reg',
  'w:gp2',
]
const inner = [
  'pair-device',
  'pair-success',
  'offline',
  'dirty',
  'count',
  'device-list',
  'enc',
  'error',
  'conflict',
  'list',
  'x',
]
const attrs = fc.record(
  {
    id: fc.oneof(fc.constant('1'), text),
    type: fc.oneof(fc.constantFrom(...kinds), text),
    from: fc.oneof(fc.constantFrom(server, `${number}:1@${server}`, `79161234567@${server}`, '1@lid'), text),
    xmlns: fc.oneof(fc.constantFrom('md', 'encrypt', 'w:p', 'urn:xmpp:ping'), text),
    code: fc.constantFrom('401', '500', '503', 'x'),
    t: fc.constantFrom('0', '-1', 'x'),
    participant: text,
  },
  { requiredKeys: [] },
)
const { node } = fc.letrec<{ node: BinaryNode; child: BinaryNode }>((tie) => ({
  node: nodeOf(fc.constantFrom(...tags), tie('child')),
  child: nodeOf(fc.oneof(fc.constantFrom(...inner), text), tie('child')),
}))

function nodeOf(tag: fc.Arbitrary<string>, child: fc.Arbitrary<BinaryNode>): fc.Arbitrary<BinaryNode> {
  const content = fc.option(
    fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      fc.uint8Array({ maxLength: 40 }),
      text,
      fc.array(child, { maxLength: 3 }),
    ),
    { nil: undefined },
  )
  return fc.record({ tag, attrs, content }).map(({ tag: name, attrs: fields, content: inside }) => ({
    tag: name || 'x',
    attrs: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '')),
    ...(inside !== undefined && { content: inside }),
  }))
}

/** Random bytes after a first byte of 0, which means that nothing is compressed. */
const garbage = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.of(0), bytes]))
const plaintext = fc.oneof({ weight: 4, arbitrary: node.map(encoded) }, { weight: 1, arbitrary: garbage })

/** Encodes a stanza. Some shapes have no encoding; then only an empty frame is sent. */
function encoded(stanza: BinaryNode): Buffer {
  try {
    return Buffer.from(encodeBinaryNode(stanza))
  } catch (error) {
    assert(error instanceof Error)
    return Buffer.of(0)
  }
}

/** A session of the fuzz run. The rig's own sessions cannot be used: the rig keeps every socket until its end. */
type Session = { readonly opened: Promise<'opened' | 'closed'>; isClosed: boolean; close(): Promise<void> }

function login(rig: Rig, credentials: Credentials): Session {
  const opened = Promise.withResolvers<'opened' | 'closed'>()
  const session: Session = { opened: opened.promise, isClosed: false, close: () => socket.close() }
  const socket = rig.whatsApp.open(credentials, ({ type }: SocketEvent) => {
    if (type === 'closed') session.isClosed = true
    if (type === 'opened' || type === 'closed') opened.resolve(type)
  })
  return session
}

/** Creates one session for all runs. It is opened again after a run that has ended it. */
function companion() {
  let rig: Rig | undefined
  let credentials: Credentials | undefined
  let session: Session | undefined
  let where = aTarget()
  const strays: unknown[] = []
  /** Handles uncaught errors as the host's process does (R41). */
  const survive = (error: unknown) => {
    if (!blameSocket(error)) strays.push(error)
  }
  return {
    strays,
    async ready(): Promise<Rig> {
      if (!rig) {
        process.on('unhandledRejection', survive).on('uncaughtException', survive)
        rig = await startRig()
      }
      while (!session || session.isClosed) {
        if (!credentials) {
          where = aTarget()
          credentials = await rig.link(number, where)
        }
        session = login(rig, credentials)
        // The stanzas have logged the device out: link a new one, as a company that pairs again would.
        if ((await session.opened) === 'closed') {
          credentials = undefined
          await rig.store.sweep(where)
        }
      }
      // The fake store keeps every write; after ten minutes that would look like a leak.
      rig.store.writes.length = 0
      return rig
    },
    async stop() {
      process.off('unhandledRejection', survive).off('uncaughtException', survive)
      await session?.close()
      await rig?.stop()
      rig = undefined
    },
  }
}

const companionSession = companion()

const sent = target('stanzas of WhatsApp', fc.array(plaintext, { minLength: 1, maxLength: 5 }), async (frames) => {
  const rig = await companionSession.ready()
  for (const frame of frames) {
    const body = { how: 'plaintext', hex: frame.toString('hex') }
    // An error status is fine: an earlier stanza has ended the session.
    await rig.simulator.control('POST', `/simulator/phones/${number}/disrupt`, body)
  }
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(companionSession.strays, [])
})

export const stanzaTargets: readonly FuzzTarget[] = [{ ...sent, stop: companionSession.stop }]
