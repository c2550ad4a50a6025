/** The resources of the templates as plain data for the parts of the local run, with every reference resolved. */

import type { Role } from '../services/item-rights.ts'

/** A Lambda function. */
export type CloudFunction = {
  readonly name: string
  /** Source of its log lines on the terminal. */
  readonly title: string
  readonly arn: string
  /** Folder of the bundle. */
  readonly folder: string
  /** `file.export`, as Lambda names it. */
  readonly handler: string
  readonly memoryMb: number
  readonly timeoutMs: number
  readonly environment: Readonly<Record<string, string>>
  readonly role?: Role | undefined
}

/** Requests per second that a route takes on average, and at once. */
export type Throttle = { readonly rate: number; readonly burst: number }

/** The WebSocket API. */
export type WebSocketApi = {
  readonly apiId: string
  readonly stage: string
  /** Field of a JSON message that selects its route. */
  readonly selectionField: string
  readonly routes: ReadonlyMap<string, WebSocketRoute>
  /** Authorizer of `$connect`; without one every connection is admitted. */
  readonly authorizer?: WebSocketAuthorizer | undefined
  readonly throttle?: Throttle | undefined
}

export type WebSocketRoute = {
  readonly functionArn: string
  readonly timeoutMs: number
  /** True when the function's result is sent to the client. */
  readonly responds: boolean
}

export type WebSocketAuthorizer = {
  readonly functionArn: string
  /** E.g. `route.request.querystring.token`; each must be present. */
  readonly identitySources: readonly string[]
}

/** The HTTP API. */
export type HttpApi = {
  readonly apiId: string
  readonly stage: string
  readonly routes: readonly HttpRoute[]
  readonly cors?: Cors | undefined
  readonly throttle?: Throttle | undefined
}

export type HttpRoute = {
  /** E.g. `GET /items/{id}`, or `$default`. */
  readonly routeKey: string
  readonly functionArn: string
  readonly timeoutMs: number
}

export type Cors = {
  readonly allowOrigins: readonly string[]
  readonly allowMethods: readonly string[]
  readonly allowHeaders: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAge?: number | undefined
  readonly allowCredentials: boolean
}

/** A queue whose messages are delivered to a function. */
export type EventSource = {
  readonly queueArn: string
  readonly queueUrl: string
  readonly functionArn: string
  readonly batchSize: number
  readonly reportsItemFailures: boolean
}

/** A container that is started as a process. */
export type Container = {
  /** Folder of the image's content. */
  readonly folder: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly role?: Role | undefined
}

export type Cloud = {
  readonly functions: readonly CloudFunction[]
  readonly webSocketApi?: WebSocketApi | undefined
  readonly httpApi?: HttpApi | undefined
  readonly eventSources: readonly EventSource[]
  readonly containers: readonly Container[]
}
