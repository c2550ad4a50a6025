/** Language of answers to a client: Russian, unless the client asks for English (requirements, "Error codes"). */
import type { Language } from '#shared/domain/values/errors.ts'

/** Returns our language that the first usable preference names: a claim, a query parameter, or `Accept-Language`. */
export function languageOf(...preferences: readonly (string | null | undefined)[]): Language {
  for (const preference of preferences) {
    const language = bestLanguage(preference ?? '')
    if (language) return language
  }
  return 'ru'
}

/** Returns the best of our languages in a list such as `en-US,en;q=0.9,ru;q=0.8`. The first of equals wins. */
function bestLanguage(list: string): Language | undefined {
  const ranked = list.slice(0, maxListLength).split(',').flatMap(rank)
  return ranked.sort((a, b) => b.quality - a.quality)[0]?.language
}

const maxListLength = 512

function rank(entry: string): readonly { readonly language: Language; readonly quality: number }[] {
  const [tag = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
  const language = tag.split('-')[0]
  if (language !== 'ru' && language !== 'en') return []
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return quality > 0 ? [{ language, quality }] : []
}
