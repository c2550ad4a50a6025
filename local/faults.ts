/** Simulated faults: a service that is down, slow, or does not answer. */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
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
  apply(target: FaultTarget, request: IncomingMessage, proceed: () => void | Promise<void>): Promise<void>
}

/** Creates the faults of a run. */
export function makeFaults(): Faults {
  const faults = new Map<FaultTarget, Fault>()
  const unanswered = new Map<FaultTarget, Set<Socket>>()
  return {
    set(target, fault) {
      faults.set(target, fault)
      // A client without a time-out of its own would wait for ever.
      for (const socket of unanswered.get(target) ?? []) socket.destroy()
      unanswered.delete(target)
    },
    async apply(target, request, proceed) {
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
      }
    },
  }
}

/** Applies faults to every request of a server before its own listeners get it. */
export function putFaultsBefore(server: Server, target: FaultTarget, faults: Faults): void {
  const listeners = server.listeners('request').filter(isRequestListener)
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void faults.apply(target, request, () => {
      for (const listener of listeners) listener.call(server, request, response)
    })
  })
}

function isRequestListener(listener: unknown): listener is RequestListener {
  return typeof listener === 'function'
}
