/** A logger for bare Baileys that writes nothing. */
import type { UserFacingSocketConfig } from '@whiskeysockets/baileys'

const nothing = () => undefined

export const silentLogger: NonNullable<UserFacingSocketConfig['logger']> = {
  level: 'silent',
  child: () => silentLogger,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}
