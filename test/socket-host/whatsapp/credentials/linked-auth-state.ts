/** Linked credentials for tests, without WhatsApp. */
import { randomBytes } from 'node:crypto'
import { type AuthenticationCreds, Curve, proto } from '@whiskeysockets/baileys'
import type { CredentialStore } from '#shared/ports.ts'
import {
  type Attachment,
  type AuthState,
  freshAuthState,
  loadAuthState,
} from '../../../../socket-host/whatsapp/credentials/auth-state.ts'
import type { StoreFailure } from '../../../../socket-host/whatsapp/credentials/store-failure.ts'
import type { StoredTarget } from '../../../../socket-host/whatsapp/port.ts'

export const log = { debug: () => {}, warn: () => {}, error: () => {} }

/** Sets the fields of the creds that pair-success sets. */
export function link(creds: AuthenticationCreds): void {
  creds.account = proto.ADVSignedDeviceIdentity.fromObject({
    details: randomBytes(20),
    accountSignatureKey: randomBytes(32),
    accountSignature: randomBytes(64),
    deviceSignature: randomBytes(64),
  })
  creds.me = { id: '79001234567:12@s.whatsapp.net', name: 'Salon', lid: '123:12@lid' }
  creds.signalIdentities = [{ identifier: { name: '123:12@lid', deviceId: 0 }, identifierKey: randomBytes(33) }]
}

/** Stores linked credentials. */
export async function storeIn(store: CredentialStore, target: StoredTarget): Promise<AuthState> {
  const state = freshAuthState({ store, log })
  link(state.creds)
  if ((await state.persist(target)) !== 'written') throw new Error('The credentials could not be stored')
  return state
}

export async function loadFrom(store: CredentialStore, target: StoredTarget): Promise<AuthState> {
  const loaded = await loadAuthState(target, { store, log })
  if (typeof loaded === 'string') throw new Error(loaded)
  return loaded
}

export type Attached = Attachment & { readonly failures: StoreFailure[] }

export function attach(state: AuthState): Attached {
  const failures: StoreFailure[] = []
  return { ...state.attach((failure) => failures.push(failure)), failures }
}

export const aPreKey = () => {
  const pair = Curve.generateKeyPair()
  return { private: Buffer.from(pair.private), public: Buffer.from(pair.public) }
}
