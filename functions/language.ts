/** The language that a client is answered in: Russian unless something says English (requirements, "Error codes"). */
import type { Language } from '#shared/domain/values/errors.ts'

/** The first of the preferences that names a language of ours: a claim, a query parameter, an `Accept-Language` header. */
export function languageOf(...preferences: readonly (string | null | undefined)[]): Language {
  for (const preference of preferences) {
    const language = bestLanguage(preference ?? '')
    if (language) return language
  }
  return 'ru'
}

/** The best of our languages in a list such as `en-US,en;q=0.9,ru;q=0.8`; of equals the first. */
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
