import { randomBytes } from 'node:crypto'
import { type BinaryNode, getBinaryNodeChild, S_WHATSAPP_NET } from '@whiskeysockets/baileys'

/** The content of a stanza: child stanzas, text, or bytes. */
type Content = BinaryNode['content']

/** The error in an answer of WhatsApp. */
export type StanzaError = {
  readonly code: number
  readonly text: string
}

/** Makes a stanza. */
export function stanza(tag: string, attrs: Record<string, string> = {}, content?: Content): BinaryNode {
  return content === undefined ? { tag, attrs } : { tag, attrs, content }
}

/** Makes an iq that the server sends on its own. */
export function serverIq(xmlns: string, child: BinaryNode): BinaryNode {
  return stanza('iq', { from: S_WHATSAPP_NET, type: 'set', id: newId(), xmlns, t: nowSeconds() }, [child])
}

/** Makes the positive answer to a client's iq. */
export function resultOf(iq: BinaryNode, ...children: BinaryNode[]): BinaryNode {
  const attrs = { from: S_WHATSAPP_NET, type: 'result', id: iq.attrs['id'] ?? '' }
  return children.length > 0 ? stanza('iq', attrs, children) : stanza('iq', attrs)
}

/** Makes the answer that refuses a client's iq. */
export function errorOf(iq: BinaryNode, error: StanzaError): BinaryNode {
  const attrs = { from: S_WHATSAPP_NET, type: 'error', id: iq.attrs['id'] ?? '' }
  return stanza('iq', attrs, [stanza('error', { code: String(error.code), text: error.text })])
}

/** Makes a notification, which the client acknowledges. */
export function notification(type: string, child?: BinaryNode): BinaryNode {
  const attrs = { from: S_WHATSAPP_NET, type, id: newId(), t: nowSeconds() }
  return child ? stanza('notification', attrs, [child]) : stanza('notification', attrs)
}

/** Makes an `ib` stanza: routing and other information, which clients do not answer. */
export function info(child: BinaryNode): BinaryNode {
  return stanza('ib', { from: S_WHATSAPP_NET }, [child])
}

/** Makes the last stanza before the server closes, with a code, a condition, or both. */
export function streamError(code: number | undefined, condition?: BinaryNode): BinaryNode {
  return stanza('stream:error', code === undefined ? {} : { code: String(code) }, condition ? [condition] : [])
}

/** Makes the refusal of a client right after the handshake. */
export function failure(reason: number, attrs: Record<string, string> = {}): BinaryNode {
  return stanza('failure', { reason: String(reason), location: 'frc', ...attrs })
}

/** Returns the content of a child as bytes. Text is converted: short contents may arrive as dictionary tokens. */
export function childBytes(parent: BinaryNode | undefined, tag: string): Buffer | undefined {
  const content = getBinaryNodeChild(parent, tag)?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return Buffer.from(content)
}

/** Returns the content of a child as text. */
export function childText(parent: BinaryNode | undefined, tag: string): string | undefined {
  return childBytes(parent, tag)?.toString()
}

/** Makes an id for a stanza of the server. */
export function newId(): string {
  return String(randomBytes(4).readUInt32BE())
}

/** Returns the time in seconds, as stanzas carry it. */
export function nowSeconds(): string {
  return String(Math.floor(Date.now() / 1000))
}
