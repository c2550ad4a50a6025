import { randomBytes } from 'node:crypto'
import { type BinaryNode, getBinaryNodeChild, S_WHATSAPP_NET } from '@whiskeysockets/baileys'

/** What a stanza says beside its tag: child stanzas, text, or bytes. */
type Content = BinaryNode['content']

/** An error as WhatsApp puts it into an answer. */
export type StanzaError = {
  readonly code: number
  readonly text: string
}

/** A stanza. */
export function stanza(tag: string, attrs: Record<string, string> = {}, content?: Content): BinaryNode {
  return content === undefined ? { tag, attrs } : { tag, attrs, content }
}

/** A question or command of the server's. */
export function serverIq(xmlns: string, child: BinaryNode): BinaryNode {
  return stanza('iq', { from: S_WHATSAPP_NET, type: 'set', id: newId(), xmlns, t: nowSeconds() }, [child])
}

/** The answer to a client's iq. */
export function resultOf(iq: BinaryNode, ...children: BinaryNode[]): BinaryNode {
  const attrs = { from: S_WHATSAPP_NET, type: 'result', id: iq.attrs['id'] ?? '' }
  return children.length > 0 ? stanza('iq', attrs, children) : stanza('iq', attrs)
}

/** The refusal of a client's iq. */
export function errorOf(iq: BinaryNode, error: StanzaError): BinaryNode {
  const attrs = { from: S_WHATSAPP_NET, type: 'error', id: iq.attrs['id'] ?? '' }
  return stanza('iq', attrs, [stanza('error', { code: String(error.code), text: error.text })])
}

/** A notice of the server's, which the client acknowledges. */
export function notification(type: string, child?: BinaryNode): BinaryNode {
  const attrs = { from: S_WHATSAPP_NET, type, id: newId(), t: nowSeconds() }
  return child ? stanza('notification', attrs, [child]) : stanza('notification', attrs)
}

/** Routing and other information, which nobody answers. */
export function info(child: BinaryNode): BinaryNode {
  return stanza('ib', { from: S_WHATSAPP_NET }, [child])
}

/** The last stanza before the server closes, with a code, a condition, or both. */
export function streamError(code: number | undefined, condition?: BinaryNode): BinaryNode {
  return stanza('stream:error', code === undefined ? {} : { code: String(code) }, condition ? [condition] : [])
}

/** The refusal of a login, right after the handshake. */
export function failure(reason: number, attrs: Record<string, string> = {}): BinaryNode {
  return stanza('failure', { reason: String(reason), location: 'frc', ...attrs })
}

/** The bytes in a child; text counts as its bytes, because short contents may arrive as dictionary tokens. */
export function childBytes(parent: BinaryNode | undefined, tag: string): Buffer | undefined {
  const content = getBinaryNodeChild(parent, tag)?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return Buffer.from(content)
}

/** The text in a child. */
export function childText(parent: BinaryNode | undefined, tag: string): string | undefined {
  return childBytes(parent, tag)?.toString()
}

/** An id for a stanza of the server's. */
export function newId(): string {
  return String(randomBytes(4).readUInt32BE())
}

/** The time as stanzas carry it. */
export function nowSeconds(): string {
  return String(Math.floor(Date.now() / 1000))
}
