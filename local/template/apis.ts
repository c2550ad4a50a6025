/** The WebSocket API and the HTTP API of the templates. */
import type * as v from 'valibot'
import {
  apiProperties,
  authorizerProperties,
  integrationProperties,
  routeProperties,
  routeResponseProperties,
  stageProperties,
} from './api-properties.ts'
import type { Cors, HttpApi, Throttle, WebSocketApi, WebSocketAuthorizer, WebSocketRoute } from './cloud.ts'
import { type PropertySpec, readProperties } from './properties.ts'
import type { Reader } from './reader.ts'

const webSocketTimeoutMs = 29_000
const httpTimeoutMs = 30_000

/** Reads both APIs. There can be at most one of each, because they share one port. */
export async function readApis(
  reader: Reader,
): Promise<{ webSocketApi: WebSocketApi | undefined; httpApi: HttpApi | undefined }> {
  const parts = await readParts(reader)
  const webSocket = onlyOne(parts.apis.filter((api) => api.ProtocolType === 'WEBSOCKET'))
  const http = onlyOne(parts.apis.filter((api) => api.ProtocolType === 'HTTP'))
  return {
    webSocketApi: webSocket && (await toWebSocketApi(webSocket, parts, reader)),
    httpApi: http && (await toHttpApi(http, parts, reader)),
  }
}

type Parts = Awaited<ReturnType<typeof readParts>>
type Api = Parts['apis'][number]
type Route = Parts['routes'][number]

async function readParts(reader: Reader) {
  const [apis, stages, routes, integrations, authorizers, responses] = await Promise.all([
    readAll('AWS::ApiGatewayV2::Api', apiProperties, reader),
    readAll('AWS::ApiGatewayV2::Stage', stageProperties, reader),
    readAll('AWS::ApiGatewayV2::Route', routeProperties, reader),
    readAll('AWS::ApiGatewayV2::Integration', integrationProperties, reader),
    readAll('AWS::ApiGatewayV2::Authorizer', authorizerProperties, reader),
    readAll('AWS::ApiGatewayV2::RouteResponse', routeResponseProperties, reader),
  ])
  return { apis, stages, routes, integrations, authorizers, responses }
}

/** Reads all resources of a type, each with the id by which other resources refer to it. */
async function readAll<const E extends v.ObjectEntries>(type: string, spec: PropertySpec<E>, reader: Reader) {
  const resources = reader.resources.filter((resource) => resource.type === type)
  return Promise.all(
    resources.map(async (resource) => {
      const properties = await readProperties(resource, spec, (value) => reader.resolve(resource.stack, value))
      return { ...properties, id: (await reader.identify(resource)).ref }
    }),
  )
}

async function toWebSocketApi(api: Api, parts: Parts, reader: Reader): Promise<WebSocketApi> {
  const stage = stageOf(api, parts)
  const routes = parts.routes.filter((route) => route.ApiId === api.id)
  const entries = routes.map(async (route): Promise<[string, WebSocketRoute]> => {
    const isGuarded = route.AuthorizationType === 'CUSTOM'
    if (isGuarded && route.RouteKey !== '$connect')
      throw new Error(`${route.RouteKey}: only $connect can have an authorizer`)
    const target = await targetOf(route, parts, reader)
    const timeoutMs = target.timeoutMs ?? webSocketTimeoutMs
    return [route.RouteKey, { functionArn: target.functionArn, timeoutMs, responds: responds(route, parts) }]
  })
  return {
    apiId: api.id,
    stage: stage.StageName,
    selectionField: selectionField(api.RouteSelectionExpression),
    routes: new Map(await Promise.all(entries)),
    authorizer: await authorizerOf(routes, parts, reader),
    throttle: toThrottle(stage.DefaultRouteSettings),
  }
}

async function toHttpApi(api: Api, parts: Parts, reader: Reader): Promise<HttpApi> {
  const stage = stageOf(api, parts)
  const routes = parts.routes.filter((route) => route.ApiId === api.id)
  return {
    apiId: api.id,
    stage: stage.StageName,
    cors: toCors(api.CorsConfiguration),
    throttle: toThrottle(stage.DefaultRouteSettings),
    routes: await Promise.all(
      routes.map(async (route) => {
        if (route.AuthorizationType !== 'NONE')
          throw new Error(`${route.RouteKey}: HTTP authorizers do not run locally`)
        const { functionArn, timeoutMs = httpTimeoutMs } = await targetOf(route, parts, reader)
        return { routeKey: route.RouteKey, functionArn, timeoutMs }
      }),
    ),
  }
}

async function targetOf(route: Route, parts: Parts, reader: Reader) {
  const integration = parts.integrations.find(({ id }) => route.Target === `integrations/${id}`)
  if (integration === undefined) throw new Error(`Route ${route.RouteKey} has no integration`)
  return {
    functionArn: await reader.functionArn(integration.IntegrationUri),
    timeoutMs: integration.TimeoutInMillis,
  }
}

/** True when the route answers the client: that takes both its response selection expression and a route response. */
function responds(route: Route, { responses }: Parts): boolean {
  return route.RouteResponseSelectionExpression !== undefined && responses.some(({ RouteId }) => RouteId === route.id)
}

async function authorizerOf(routes: Route[], parts: Parts, reader: Reader): Promise<WebSocketAuthorizer | undefined> {
  const authorizerId = routes.find((route) => route.RouteKey === '$connect')?.AuthorizerId
  if (authorizerId === undefined) return undefined
  const authorizer = parts.authorizers.find(({ id }) => id === authorizerId)
  if (authorizer === undefined) throw new Error('The authorizer of $connect is in no template')
  return {
    functionArn: await reader.functionArn(authorizer.AuthorizerUri),
    identitySources: authorizer.IdentitySource,
  }
}

function stageOf(api: Api, { stages }: Parts) {
  const stage = onlyOne(stages.filter(({ ApiId }) => ApiId === api.id))
  if (stage === undefined) throw new Error('An API has no stage')
  return stage
}

function selectionField(expression: string): string {
  const field = /^\$request\.body\.([A-Za-z0-9_]+)$/.exec(expression)?.[1]
  if (field === undefined) throw new Error(`The local run does not understand the route selection ${expression}`)
  return field
}

function toThrottle(
  settings: { ThrottlingBurstLimit?: number | undefined; ThrottlingRateLimit?: number | undefined } | undefined,
): Throttle | undefined {
  const { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst } = settings ?? {}
  return rate === undefined || burst === undefined ? undefined : { rate, burst }
}

function toCors(configuration: Api['CorsConfiguration']): Cors | undefined {
  if (configuration === undefined) return undefined
  return {
    allowOrigins: configuration.AllowOrigins,
    allowMethods: configuration.AllowMethods,
    allowHeaders: configuration.AllowHeaders,
    exposeHeaders: configuration.ExposeHeaders,
    maxAge: configuration.MaxAge,
    allowCredentials: configuration.AllowCredentials,
  }
}

function onlyOne<T>(items: readonly T[]): T | undefined {
  if (items.length > 1) throw new Error('The local run serves one WebSocket API and one HTTP API with one stage each')
  return items[0]
}
