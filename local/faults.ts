/** Simulated faults: a service that is down, slow, does not answer, or throttles. */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import * as v from 'valibot'

/**
 * Services that can have faults: the engines (KMS and Secrets Manager share one), and the management API of the
 * WebSocket API.
 */
export const faultTargets = ['dynamodb', 'sqs', 'kms-and-secrets', 'management'] as const
export type FaultTarget = (typeof faultTargets)[number]

const Fault = v.variant('how', [
  v.strictObject({ how: v.literal('ok') }),
  /** Connections are reset. */
  v.strictObject({ how: v.literal('down') }),
  /** Requests are accepted and not answered; their connections are reset when the fault ends. */
  v.strictObject({ how: v.literal('silent') }),
  v.strictObject({ how: v.literal('slow'), ms: v.pipe(v.number(), v.minValue(0), v.maxValue(120_000)) }),
  /** That percentage of the requests, drawn at random, is refused as AWS does it above a limit of its own. */
  v.strictObject({ how: v.literal('throttled'), percent: v.pipe(v.number(), v.minValue(0), v.maxValue(100)) }),
])
export type Fault = v.InferOutput<typeof Fault>

/** Body of `PUT /dev/faults`. */
export const FaultRequest = v.object({
  target: v.picklist(faultTargets, `must be one of ${faultTargets.join(', ')}`),
  fault: Fault,
})

/** Current faults of a run; none at first. */
export type Faults = {
  set(target: FaultTarget, fault: Fault): void
  /** Applies the target's fault to a request; calls `proceed` to answer it when the fault allows. */
  apply(target: FaultTarget, response: ServerResponse, proceed: () => void | Promise<void>): Promise<void>
}

/** Creates the faults of a run; `random` draws from 0 to 1. */
export function makeFaults(random: () => number = Math.random): Faults {
  const faults = new Map<FaultTarget, Fault>()
  const unanswered = new Map<FaultTarget, Set<Socket>>()
  return {
    set(target, fault) {
      faults.set(target, fault)
      // A client without a time-out of its own would wait for ever.
      for (const socket of unanswered.get(target) ?? []) socket.destroy()
      unanswered.delete(target)
    },
    async apply(target, response, proceed) {
      const { req: request } = response
      const fault = faults.get(target) ?? { how: 'ok' }
      switch (fault.how) {
        case 'ok':
          return proceed()
        case 'down':
          return void request.socket.destroy()
        case 'silent':
          unanswered.set(target, (unanswered.get(target) ?? new Set()).add(request.socket))
          return void request.resume()
        case 'slow':
          await sleep(fault.ms)
          return proceed()
        case 'throttled':
          return random() * 100 < fault.percent ? throttle(target, response) : proceed()
      }
    },
  }
}

/** Status and error of a service that throttles. */
const throttles: Readonly<Record<FaultTarget, readonly [status: number, type: string]>> = {
  dynamodb: [400, 'com.amazonaws.dynamodb.v20120810#ThrottlingException'],
  sqs: [400, 'com.amazonaws.sqs#RequestThrottled'],
  'kms-and-secrets': [400, 'ThrottlingException'],
  management: [429, 'LimitExceededException'],
}

function throttle(target: FaultTarget, response: ServerResponse): void {
  const [status, type] = throttles[target]
  const { req: request } = response
  const body = JSON.stringify({ __type: type, message: 'Rate exceeded (a simulated fault)' })
  // A request that is not read to its end would block its connection.
  request.resume()
  response.writeHead(status, {
    'content-type': request.headers['content-type'] ?? 'application/json',
    'x-amzn-errortype': type,
    'x-amz-crc32': crc32(body),
  })
  response.end(body)
}

/** Applies faults to every request of a server before its own listeners get it. */
export function putFaultsBefore(server: Server, target: FaultTarget, faults: Faults): void {
  const listeners = server.listeners('request').filter(isRequestListener)
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void faults.apply(target, response, () => {
      for (const listener of listeners) listener.call(server, request, response)
    })
  })
}

function isRequestListener(listener: unknown): listener is RequestListener {
  return typeof listener === 'function'
}
