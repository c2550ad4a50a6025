/** Faults to try: a service that is away, slow, or does not answer at all. */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'

/** What can be disturbed: the engines (KMS and Secrets Manager share one), and the management API of the WebSocket API. */
export const faultTargets = ['dynamodb', 'sqs', 'kms-and-secrets', 'management'] as const
export type FaultTarget = (typeof faultTargets)[number]

const Fault = v.variant('how', [
  v.strictObject({ how: v.literal('ok') }),
  /** Connections are reset. */
  v.strictObject({ how: v.literal('down') }),
  /** Requests are taken and not answered; their connections are reset when the fault is over. */
  v.strictObject({ how: v.literal('silent') }),
  v.strictObject({ how: v.literal('slow'), ms: v.pipe(v.number(), v.minValue(0), v.maxValue(120_000)) }),
])
export type Fault = v.InferOutput<typeof Fault>

/** `PUT /dev/faults` takes this. */
export const FaultRequest = v.object({
  target: v.picklist(faultTargets, `must be one of ${faultTargets.join(', ')}`),
  fault: Fault,
})

/** The faults of a run; none at first. */
export type Faults = {
  set(target: FaultTarget, fault: Fault): void
  /** Answers a request as the fault says, or lets `proceed` do it. */
  apply(target: FaultTarget, request: IncomingMessage, proceed: () => void | Promise<void>): Promise<void>
}

/** Makes a run's faults. */
export function makeFaults(): Faults {
  const faults = new Map<FaultTarget, Fault>()
  const unanswered = new Map<FaultTarget, Set<Socket>>()
  return {
    set(target, fault) {
      faults.set(target, fault)
      // Whoever waits without a time-out of its own would wait for ever.
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

/** Puts a server's faults before whatever it does with requests. */
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
