import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { type Choice, choice } from '../choice.ts'
import type { Channel } from './channel.ts'
import { info, stanza, streamError } from './stanzas.ts'

/** Disturbs a connection. */
export type Disruption = (channel: Channel) => void

/** The ways to disturb a connection, at once or at a stage of linking or login. */
export const disruptions = {
  cut: choice(
    'drops the TCP connection without a word',
    {},
    () =>
      ({ connection }) =>
        connection.cut(),
  ),
  close: choice(
    'closes the WebSocket without a reason',
    {},
    () =>
      ({ connection }) =>
        connection.close(),
  ),
  xmlstreamend: choice('ends the stream, then closes', {}, () => (channel) => {
    channel.send(stanza('xmlstreamend'))
    channel.connection.close()
  }),
  'stream-error': choice(
    'stream:error with `code` (401, 503, 515, 516, 428 ...), or without one and with `condition` as its only child',
    { code: v.optional(v.pipe(v.number(), v.integer())), condition: v.optional(v.string()) },
    ({ code, condition = code === undefined ? 'xml-not-well-formed' : undefined }) =>
      (channel) =>
        end(channel, streamError(code, condition === undefined ? undefined : stanza(condition))),
  ),
  removed: choice('says that the device was removed (401), though it stays linked', {}, () => sendRemoved),
  replaced: choice('says that another connection took the device over (440)', {}, () => sendReplaced),
  conflict: choice(
    'stream:error with a conflict of `type` (device_removed, replaced, or any other), and with `code` or without one',
    { type: v.optional(v.string(), 'device_removed'), code: v.optional(v.pipe(v.number(), v.integer())) },
    ({ type, code }) =>
      (channel) =>
        sendConflict(channel, type, code),
  ),
  downgrade: choice('says that the account has left multi-device (411)', {}, () => (channel) => {
    channel.send(info(stanza('downgrade_webclient')))
  }),
  undecryptable: choice('sends a frame that no key opens', {}, () => ({ connection }) => {
    connection.sendFrame(randomBytes(64))
  }),
  undecodable: choice('sends a frame that decrypts to something that is no stanza', {}, () => (channel) => {
    // A list of two whose tag begins with 0xF0, which is not the start of a string.
    channel.sendPlaintext(Buffer.from([0, 0xf8, 2, 0xf0, 1]))
  }),
  plaintext: choice(
    'sends `hex`, encrypted but otherwise as it is: any stanza, or none',
    { hex: v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/)) },
    ({ hex }) =>
      (channel) => {
        channel.sendPlaintext(Buffer.from(hex, 'hex'))
      },
  ),
  'invalid-frame': choice('sends bytes that are no WebSocket frame', {}, () => ({ connection }) => {
    connection.sendRaw(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  }),
  mute: choice(
    'sends nothing any more, the connection stays up',
    {},
    () =>
      ({ connection }) =>
        connection.mute(),
  ),
  vanish: choice('like mute, and leaves even a WebSocket close unanswered', {}, () => ({ connection }) => {
    connection.vanish()
  }),
} satisfies Record<string, Choice<Disruption>>

/** Tells a device that another connection took its place. */
export function sendReplaced(channel: Channel): void {
  sendConflict(channel, 'replaced')
}

/** Tells a device that it was removed from the account. */
export function sendRemoved(channel: Channel): void {
  sendConflict(channel, 'device_removed', 401)
}

function sendConflict(channel: Channel, type: string, code?: number): void {
  end(channel, streamError(code, stanza('conflict', { type })))
}

function end(channel: Channel, lastStanza: ReturnType<typeof stanza>): void {
  channel.send(lastStanza)
  channel.connection.close()
}
