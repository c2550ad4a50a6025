/** Normalises a phone as it was typed, or refuses it with a sentence about what is wrong with it (R2). */
import type { Failure, Language } from '#shared/domain/values/errors.ts'
import type { PhoneRefusal } from '#shared/domain/values/phone-input.ts'
import { err, type Result } from '#shared/domain/values/result.ts'

/** Returns the phone's digits, or the failure with its detail in `language`. */
export async function readTypedPhone(
  typed: string,
  defaultRegion: string,
  language: Language,
): Promise<Result<string, Failure>> {
  // A separate chunk: the phone metadata is a third of the bundle, and most messages name no phone.
  const { normalizePhone } = await import('#shared/domain/values/phone-input.ts')
  const phone = normalizePhone(typed, defaultRegion)
  if (phone.ok) return phone
  const { code, reason } = phone.error
  const detail = phoneDetails[reason]?.[language]
  return err({ code, ...(detail && { detail }) })
}

/** Detail for each reason. Undefined where the sentence of the error code already says it. */
const phoneDetails: Readonly<Record<PhoneRefusal['reason'], Readonly<Record<Language, string>> | undefined>> = {
  empty: { ru: 'номер не указан', en: 'no number was given' },
  characters: { ru: 'в номере есть посторонние знаки', en: 'it has characters that no phone number has' },
  extension: {
    ru: 'номера с добавочным не подходят, нужен прямой номер WhatsApp',
    en: 'numbers with an extension cannot be linked, only direct WhatsApp numbers',
  },
  length: { ru: 'номер слишком короткий или слишком длинный', en: 'it is too short or too long' },
  impossible: { ru: 'такого номера нет в этой стране', en: 'there is no such number in its country' },
  countryCode: undefined,
}
