/** Generated secrets, as CloudFormation's GenerateSecretString makes them. */
import { randomInt } from 'node:crypto'
import * as v from 'valibot'

const flag = v.optional(v.boolean(), false)

/** The property GenerateSecretString of AWS::SecretsManager::Secret. */
export const GenerateSecretString = v.strictObject({
  PasswordLength: v.optional(v.number(), 32),
  ExcludeCharacters: v.optional(v.string(), ''),
  ExcludePunctuation: flag,
  ExcludeLowercase: flag,
  ExcludeUppercase: flag,
  ExcludeNumbers: flag,
  IncludeSpace: flag,
  RequireEachIncludedType: v.optional(v.boolean(), true),
  SecretStringTemplate: v.optional(v.string()),
  GenerateStringKey: v.optional(v.string()),
})
export type GenerateSecretString = v.InferOutput<typeof GenerateSecretString>

const lower = 'abcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'

/** Returns a new secret: the password itself, or the template with the password under its key. */
export function generateSecret(options: GenerateSecretString): string {
  const password = generatePassword(options)
  if (options.SecretStringTemplate === undefined || options.GenerateStringKey === undefined) return password
  const template = v.parse(
    v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown())),
    options.SecretStringTemplate,
  )
  return JSON.stringify({ ...template, [options.GenerateStringKey]: password })
}

function generatePassword(options: GenerateSecretString): string {
  const types = includedTypes(options)
  const all = types.join('')
  if (all === '') throw new Error('GenerateSecretString excludes every character')
  const required = options.RequireEachIncludedType ? types.map(pick) : []
  const rest = Array.from({ length: options.PasswordLength - required.length }, () => pick(all))
  return shuffled([...required, ...rest]).join('')
}

function includedTypes(options: GenerateSecretString): string[] {
  const types = [
    options.ExcludeLowercase ? '' : lower,
    options.ExcludeUppercase ? '' : lower.toUpperCase(),
    options.ExcludeNumbers ? '' : digits,
    options.ExcludePunctuation ? '' : punctuation,
    options.IncludeSpace ? ' ' : '',
  ]
  const allowed = (character: string) => !options.ExcludeCharacters.includes(character)
  return types.map((type) => [...type].filter(allowed).join('')).filter((type) => type !== '')
}

function pick(characters: string): string {
  return characters.charAt(randomInt(characters.length))
}

function shuffled<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, order: randomInt(2 ** 31) }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
