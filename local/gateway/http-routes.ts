/** Route matching of an HTTP API: a full match first, then path variables, then `{proxy+}`, then `$default`. */
import type { HttpRoute } from '../template/cloud.ts'
import { decodePercent } from './percent.ts'

export type HttpMatch = {
  readonly route: HttpRoute
  readonly pathParameters: Readonly<Record<string, string>>
}

/** Finds the most specific route of a request. */
export function matchRoute(routes: readonly HttpRoute[], method: string, path: string): HttpMatch | undefined {
  const candidates = routes.flatMap((route) => {
    const match = matchOne(route, method, path)
    return match === undefined ? [] : [match]
  })
  const [best] = candidates.sort((a, b) => compareText(specificity(a.route), specificity(b.route)))
  return best
}

function matchOne(route: HttpRoute, method: string, path: string): HttpMatch | undefined {
  if (route.routeKey === '$default') return { route, pathParameters: {} }
  const { method: wanted, template } = parts(route)
  if (wanted !== 'ANY' && wanted !== method) return undefined
  const names: string[] = []
  const source = template.split('/').map((segment) => {
    const [, name, isGreedy] = /^\{([^}+]+)(\+?)\}$/.exec(segment) ?? []
    if (name === undefined) return segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    names.push(name)
    return isGreedy ? '(.+)' : '([^/]+)'
  })
  const values = new RegExp(`^${source.join('/')}$`).exec(path)
  if (values === null) return undefined
  return {
    route,
    pathParameters: Object.fromEntries(names.map((name, i) => [name, decodePercent(values[i + 1] ?? '')])),
  }
}

/** Returns a sort key that puts more specific routes first, segment by segment, and a named method before `ANY`. */
function specificity(route: HttpRoute): string {
  if (route.routeKey === '$default') return '9'
  const { method, template } = parts(route)
  const segments = template
    .split('/')
    .map((segment) => (segment.endsWith('+}') ? '3' : segment.startsWith('{') ? '2' : '1'))
  return `${segments.join('')}${method === 'ANY' ? '2' : '1'}`
}

function parts(route: HttpRoute): { method: string; template: string } {
  const [method = '', template = ''] = route.routeKey.split(' ')
  return { method, template }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
