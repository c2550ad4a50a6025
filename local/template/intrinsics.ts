/** CloudFormation's intrinsic functions. Unknown ones are refused. */

/** Look-up of the names in an expression, in the stack that contains it. */
export type Scope = {
  /** Resolves the name of a resource, a parameter or a pseudo parameter. */
  ref(name: string): Promise<unknown>
  getAtt(id: string, attribute: string): Promise<unknown>
  importValue(name: string): Promise<unknown>
  /** Resolves a `{{resolve:…}}` reference; `reference` is the text after `resolve:`. */
  dynamicReference(reference: string): Promise<string>
}

/** Value of a property that must be left out (`AWS::NoValue`). */
export const noValue = Symbol('AWS::NoValue')

type Intrinsic = (argument: unknown, scope: Scope) => Promise<unknown>

const intrinsics: Readonly<Record<string, Intrinsic>> = {
  Ref: async (argument, scope) => scope.ref(text(argument, 'Ref')),
  'Fn::GetAtt': async (argument, scope) => {
    const [id, ...path] = typeof argument === 'string' ? argument.split('.') : texts(argument, 'Fn::GetAtt')
    return scope.getAtt(text(id, 'Fn::GetAtt'), path.join('.'))
  },
  'Fn::ImportValue': async (argument, scope) =>
    scope.importValue(text(await resolve(argument, scope), 'Fn::ImportValue')),
  'Fn::Join': async (argument, scope) => {
    const [separator, parts] = pair(argument, 'Fn::Join')
    return texts(await resolve(parts, scope), 'Fn::Join').join(text(separator, 'Fn::Join'))
  },
  'Fn::Split': async (argument, scope) => {
    const [separator, source] = pair(argument, 'Fn::Split')
    return text(await resolve(source, scope), 'Fn::Split').split(text(separator, 'Fn::Split'))
  },
  'Fn::Select': async (argument, scope) => {
    const [index, list] = pair(argument, 'Fn::Select')
    const items = await resolve(list, scope)
    const item = Array.isArray(items) ? items[Number(index)] : undefined
    if (item === undefined) throw new Error(`Fn::Select: no element ${String(index)}`)
    return item
  },
  'Fn::Sub': async (argument, scope) => {
    const [template, variables] = Array.isArray(argument) ? pair(argument, 'Fn::Sub') : [argument, {}]
    return substitute(text(template, 'Fn::Sub'), record(await resolve(variables, scope)), scope)
  },
  'Fn::Base64': async (argument, scope) =>
    Buffer.from(text(await resolve(argument, scope), 'Fn::Base64')).toString('base64'),
}

/** Resolves every intrinsic function and dynamic reference inside a value. */
export async function resolve(value: unknown, scope: Scope): Promise<unknown> {
  if (typeof value === 'string') return resolveReferences(value, scope)
  if (Array.isArray(value)) return withoutNoValue(await Promise.all(value.map((item) => resolve(item, scope))))
  if (typeof value !== 'object' || value === null) return value
  const call = intrinsicCall(value)
  if (call !== undefined) return resolveReferences(await call.run(call.argument, scope), scope)
  const entries = Object.entries(value).map(async ([key, item]) => [key, await resolve(item, scope)] as const)
  return Object.fromEntries((await Promise.all(entries)).filter(([, item]) => item !== noValue))
}

function intrinsicCall(value: object): { run: Intrinsic; argument: unknown } | undefined {
  const [entry, ...others] = Object.entries(value)
  if (entry === undefined || others.length > 0) return undefined
  const [name, argument] = entry
  const run = intrinsics[name]
  if (run !== undefined) return { run, argument }
  if (name.startsWith('Fn::') || name === 'Condition') throw new Error(`${name} is not understood by the local run`)
  return undefined
}

/** Replaces `${Name}`, `${Name.Attribute}` and the literal form `${!Text}`. */
async function substitute(template: string, variables: Record<string, unknown>, scope: Scope): Promise<string> {
  const pieces = template.split(/\$\{([^}]*)\}/)
  const resolved = pieces.map(async (piece, index) => {
    if (index % 2 === 0) return piece
    if (piece.startsWith('!')) return `\${${piece.slice(1)}}`
    if (Object.hasOwn(variables, piece)) return text(variables[piece], 'Fn::Sub')
    const [id = '', ...path] = piece.split('.')
    return text(await (path.length === 0 ? scope.ref(id) : scope.getAtt(id, path.join('.'))), 'Fn::Sub')
  })
  return (await Promise.all(resolved)).join('')
}

async function resolveReferences(value: unknown, scope: Scope): Promise<unknown> {
  if (typeof value !== 'string' || !value.includes('{{resolve:')) return value
  const pieces = value.split(/\{\{resolve:([^}]*)\}\}/)
  const resolved = pieces.map((piece, index) => (index % 2 === 0 ? piece : scope.dynamicReference(piece)))
  return (await Promise.all(resolved)).join('')
}

function withoutNoValue(items: unknown[]): unknown[] {
  return items.filter((item) => item !== noValue)
}

function text(value: unknown, where: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new Error(`${where}: expected a text, got ${JSON.stringify(value)}`)
}

function texts(value: unknown, where: string): string[] {
  if (!Array.isArray(value)) throw new Error(`${where}: expected a list, got ${JSON.stringify(value)}`)
  return value.map((item) => text(item, where))
}

function pair(value: unknown, where: string): [unknown, unknown] {
  if (!Array.isArray(value) || value.length !== 2) throw new Error(`${where}: expected two arguments`)
  return [value[0], value[1]]
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}
