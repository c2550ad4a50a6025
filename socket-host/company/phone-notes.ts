/**
 * Notes under each phone that the company has linked it, and that the link has ended (R24): for budgets of codes. Nothing
 * waits for a note. A host repeats all notes when it adopts the company, so that one that died in between leaves none
 * out: the clean-up list knows ended links for a day.
 */
import { limiter } from '#shared/async/limiter.ts'
import { phoneHash } from '#shared/budget/phone-hash.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import type { PhoneLink, PhoneLinks } from '#shared/dynamo/clients/phone-links.ts'
import type { CompanyDeps, OwnedLease } from './deps.ts'

/** A link with its phone, in digits. */
export type PhoneNote = PhoneLink & { readonly phone: string }

export type PhoneNotes = {
  /** Writes the notes that follow from the state and that this host has not written. Returns at once. */
  follow(state: CompanyState): void
}

/** Notes that a host writes at the same time: those of a thousand adopted companies must not hold up their sessions. */
const maxConcurrent = 4
const retryMs = 30_000

/** Returns the function that writes the notes of all companies of a host. It rejects when a note could not be written. */
export function phoneNoteWriter(links: Pick<PhoneLinks, 'note'>, hashSecret: () => Promise<string>) {
  const places = limiter(maxConcurrent)
  return async ({ phone, ...link }: PhoneNote): Promise<void> => {
    const leave = await places()
    try {
      await links.note(phoneHash(phone, await hashSecret()), link)
    } finally {
      leave()
    }
  }
}

type Deps = Pick<CompanyDeps, 'notePhone' | 'time' | 'log' | 'random'>

/** Makes the notes of one company. A note that fails is tried again after a pause, while this host owns the company. */
export function phoneNotes(deps: Deps, companyId: string, lease: OwnedLease): PhoneNotes {
  const written = new Set<string>()
  /** Notes to write, also of generations that have left the state since. */
  const due = new Map<string, PhoneNote>()
  let isBusy = false

  async function writeAll(): Promise<void> {
    for (const [name, note] of due) {
      if (!lease.isOwner()) return
      await deps.notePhone(note)
      due.delete(name)
      written.add(name)
    }
  }

  function write(): void {
    if (isBusy || due.size === 0 || !lease.isOwner()) return
    isBusy = true
    const goOn = () => {
      isBusy = false
      write()
    }
    writeAll().then(goOn, (error: unknown) => {
      deps.log.warn('Could not note the link of a phone, retrying', { companyId, error })
      // Not all companies at once, after an outage.
      deps.time.after(retryMs * (1 + deps.random()), goOn)
    })
  }

  return {
    follow: (state) => {
      const all = notesOf(companyId, state)
      for (const name of written) if (!all.has(name)) written.delete(name)
      for (const [name, note] of all) if (!written.has(name)) due.set(name, note)
      write()
    },
  }
}

/** Returns the notes that follow from a state, by name. A link whose phone is unknown has none (R3). */
function notesOf(companyId: string, { credentials, cleanup, foreign }: CompanyState): ReadonlyMap<string, PhoneNote> {
  const notes = new Map<string, PhoneNote>()
  // A state of another build is left alone (R49a).
  if (foreign) return notes
  for (const { generation, phone, linkedAt, retiredAt: removedAt } of cleanup)
    if (phone !== undefined && linkedAt !== undefined)
      notes.set(`end of ${generation}`, { companyId, phone, linkedAt, removedAt })
  if (credentials?.phone !== undefined) {
    const { generation, phone, linkedAt } = credentials
    notes.set(`link ${generation}`, { companyId, phone, linkedAt })
  }
  return notes
}
