/** Documents of STATE in which a word that decides is one of a newer build: no other build may decide about them. */
import type { CompanyState } from '#shared/domain/company/company.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import {
  aLink,
  anotherPhone,
  codeIssued,
  connecting,
  linked,
  requested,
  restarting,
  seconds,
  storing,
} from '../shared/domain/build.ts'

const word = 'word-of-a-newer-build'

/** Replaces the value at the path. */
function changed(state: CompanyState, path: readonly string[], value: unknown): object {
  const copy = structuredClone(state)
  const last = path.at(-1) ?? ''
  const holder = path.slice(0, -1).reduce<object>((at, name) => Reflect.get(at, name), copy)
  if (!Reflect.has(holder, last)) throw new Error(`The state has no ${path.join('.')}`)
  Reflect.set(holder, last, value)
  return copy
}

const resetting = () => resetCredentials(linked(), [{ connectionId: 'browser', requestId: 'r2' }], seconds(60)).state

const another = { phone: anotherPhone }
const anotherLink = aLink({ generation: 'generation-2', seenGeneration: 'generation-1', ...another })

export const foreignStates: readonly (readonly [name: string, doc: object])[] = [
  ['an attempt in an unknown state', changed(codeIssued(linked(), another), ['attempt', 'state'], word)],
  ['an unknown state of an attempt without stored credentials', changed(requested(), ['attempt', 'state'], word)],
  ['an attempt by an unknown method', changed(connecting(linked()), ['attempt', 'method'], word)],
  ['something unknown on screen', changed(codeIssued(linked(), another), ['attempt', 'shown'], { passkey: 'ABCD' })],
  [
    'a link that is being stored in an unknown way',
    changed(storing(linked(), anotherLink), ['attempt', 'link'], { [word]: {} }),
  ],
  ['a session of an unknown status', changed(linked(), ['session', 'status'], word)],
  ['a new link whose session has an unknown status', changed(restarting(), ['session', 'status'], word)],
  ['a retired device in an unknown way of being unlinked', changed(resetting(), ['cleanup', '0', 'unlink'], word)],
  ['an unknown result of the last reset', changed(resetting(), ['unlinked'], word)],
  ['credentials of another form', changed(linked(), ['credentials'], { [word]: 'generation-1' })],
]
