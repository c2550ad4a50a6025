/**
 * CloudWatch Logs' filter patterns for JSON, as far as the templates use them: `=` and `!=` of a field and a text, with `*`
 * as a wildcard, joined by `&&` and `||` in parentheses. Anything else throws. A field that is not there fits neither.
 */

type Matches = (line: unknown) => boolean

/** Returns a function that says whether a line of a log matches the pattern. */
export function logFilter(pattern: string): (line: string) => boolean {
  const tokens = pattern.match(/\$[\w.]+|"(?:[^"\\]|\\.)*"|&&|\|\||!=|[{}()=]|\S+/g) ?? []
  const take = (expected?: string): string => {
    const token = tokens.shift()
    if (token === undefined || (expected !== undefined && token !== expected))
      throw new Error(`${pattern}: expected ${expected ?? 'more'}, found ${token}`)
    return token
  }
  const term = (): Matches => {
    if (tokens[0] !== '(') return comparison(take(), take(), take())
    take('(')
    const inner = expression()
    take(')')
    return inner
  }
  const expression = (): Matches => {
    const terms = [term()]
    const operator = tokens[0]
    while (tokens[0] === '&&' || tokens[0] === '||') {
      if (take() !== operator) throw new Error(`${pattern}: && and || need parentheses`)
      terms.push(term())
    }
    return (line) => (operator === '||' ? terms.some((each) => each(line)) : terms.every((each) => each(line)))
  }
  take('{')
  const matches = expression()
  take('}')
  if (tokens.length > 0) throw new Error(`${pattern}: ${tokens.join(' ')} is left`)
  return (line) => {
    const parsed = parse(line)
    return parsed !== undefined && matches(parsed)
  }
}

function comparison(selector: string, operator: string, quoted: string): Matches {
  if (operator !== '=' && operator !== '!=') throw new Error(`Not a comparison: ${operator}`)
  const [root, ...path] = selector.split('.')
  if (root !== '$' || !quoted.startsWith('"')) throw new Error(`Not a comparison of a field with a text: ${selector}`)
  const parts = (JSON.parse(quoted) as string).split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const wanted = new RegExp(`^${parts.join('.*')}$`)
  return (line) => {
    const value = path.reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), line)
    return typeof value === 'string' && wanted.test(value) === (operator === '=')
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
