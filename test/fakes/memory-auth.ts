/** Authentication state in memory, for bare Baileys. */
import { type AuthenticationState, initAuthCreds, type SignalDataSet } from '@whiskeysockets/baileys'

export function memoryAuth(creds = initAuthCreds()): AuthenticationState {
  const rows = new Map<string, unknown>()
  return {
    creds,
    keys: {
      get: async (type, ids) => Object.fromEntries(ids.map((id) => [id, rows.get(`${type}#${id}`)] as never)),
      set: async (data: SignalDataSet) => {
        for (const [type, values] of Object.entries(data))
          for (const [id, value] of Object.entries(values ?? {})) rows.set(`${type}#${id}`, value)
      },
    },
  }
}
