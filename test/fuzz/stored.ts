/** Fuzz targets for stored data: of another version, truncated, or altered by hand. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { initAuthCreds } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import * as v from 'valibot'
import { nextDeadline, timeOut } from '#shared/domain/attempt/deadlines.ts'
import { cancelPairing, requestPairing } from '#shared/domain/attempt/pairing.ts'
import type { CompanyState } from '#shared/domain/company/company.ts'
import { happeningsOf } from '#shared/domain/metrics/happenings.ts'
import { adoptCompany } from '#shared/domain/session/adoption.ts'
import { resetCredentials } from '#shared/domain/session/reset.ts'
import { parseRow } from '#shared/dynamo/company/company-row.ts'
import { decodeJournal } from '#shared/dynamo/credentials/journal-codec.ts'
import { parseLease } from '#shared/dynamo/fleet/lease-row.ts'
import { statusMessage } from '#shared/protocol/server-messages.ts'
import { nextStep, requeueAt } from '../../socket-host/company/next-step.ts'
import { loadAuthState } from '../../socket-host/whatsapp/credentials/auth-state.ts'
import { decodeJson, encodeJson } from '../../socket-host/whatsapp/credentials/buffer-json.ts'
import { rowCipher } from '../../socket-host/whatsapp/credentials/row-cipher.ts'
import { memoryCredentialStore } from '../fakes/memory-credential-store.ts'
import { aRequest, host, linked, seconds, stageNames, stages, successor } from '../shared/domain/build.ts'
import { anyJson, type FuzzTarget, mutated, target } from './target.ts'

const states = fc.constantFrom(
  linked(),
  resetCredentials(linked(), [], seconds(60)).state,
  ...stageNames.map((name) => stages[name]()),
)
const row = states.map((doc) => ({ rev: 3, seq: 9, shard: 1, doc }))

/** Reads as a store does. Returns `refused` when the data does not fit the schema. */
function parsed<T>(read: () => T): T | 'refused' {
  try {
    return read()
  } catch (error) {
    if (error instanceof v.ValiError) return 'refused'
    throw error
  }
}

/** Calls everything that functions and hosts do with a state that they have read. */
function useState(state: CompanyState, now: number): void {
  const idle = { registration: undefined, session: undefined, unlinks: new Map(), sweeps: new Map() }
  const envelope = { companyId: 'c1', at: now, seq: 1, language: 'en' } as const
  for (const after of [
    timeOut(state, now),
    requestPairing(state, aRequest(), now),
    cancelPairing(state, [], now),
    resetCredentials(state, [], now),
    adoptCompany(state, successor, now),
  ])
    happeningsOf({ before: state, after: after.state, now })
  nextDeadline(timeOut(state, now).state)
  nextStep(state, idle, { owner: host, mayTryStopped: false, handOverAt: Number.POSITIVE_INFINITY, leavesAt: 0 }, now)
  requeueAt(state, idle, { owner: host })
  JSON.stringify(statusMessage(state, undefined, 1, envelope))
}

const stateRows = target('STATE rows', fc.tuple(fc.oneof(mutated(row), anyJson), fc.nat()), ([item, later]) => {
  const read = parsed(() => parseRow(item))
  if (read !== 'refused') useState(read.state, seconds(later % 1_000))
})

const leaseRows = target(
  'LEASE rows',
  mutated(fc.constant({ epoch: 7, version: 9, owner: 'h1', renewedAt: 1 })),
  (item) => {
    parsed(() => parseLease(0, item))
  },
)

const journals = target('journals', fc.uint8Array({ maxLength: 200 }), (bytes) => {
  decodeJournal(bytes)
})

const stored = { companyId: 'c1', generation: 'g1', dataKey: randomBytes(32), epoch: 5, isOwner: () => true }
const cipher = rowCipher(stored.dataKey, stored)

const sealedRows = target('encrypted rows', fc.uint8Array({ maxLength: 300 }), (bytes) => {
  assert.equal(cipher.open('creds', bytes), undefined)
  decodeJson(bytes)
})

/** Credentials of a linked device, as Baileys has them. */
const creds = {
  ...initAuthCreds(),
  account: { details: 'AA==', accountSignatureKey: 'AA==', accountSignature: 'AA==', deviceSignature: 'AA==' },
  me: { id: '79001234567:12@s.whatsapp.net' },
  signalIdentities: [{ identifier: { name: 'x', deviceId: 0 }, identifierKey: Buffer.alloc(33) }],
}
export const asStored: object = JSON.parse(encodeJson(creds).toString())
const quiet = { debug: () => {}, warn: () => {}, error: () => {} }

/** Number of altered credentials that could be loaded. If none could, the target would test only the schema. */
let loadable = 0
export const loadableCredentials = () => loadable

/** Stores a value as credentials and loads it. */
export async function loadStored(value: unknown): Promise<'damaged' | 'unreadable' | 'loaded'> {
  const store = memoryCredentialStore()
  const plaintext = Buffer.from(JSON.stringify(value) ?? '')
  await store.write(stored, [{ key: 'creds', bytes: cipher.seal('creds', plaintext) }], stored.epoch)
  const loaded = await loadAuthState(stored, { store, log: quiet })
  if (loaded === 'damaged' || loaded === 'unreadable') return loaded
  assert(typeof loaded === 'object' && loaded.isLinked())
  loadable += 1
  return 'loaded'
}

export const credentials = target(
  'stored credentials',
  fc.oneof(mutated(fc.constant(asStored)), anyJson),
  async (value) => {
    await loadStored(value)
  },
)

export const storedTargets: readonly FuzzTarget[] = [stateRows, leaseRows, journals, sealedRows, credentials]
