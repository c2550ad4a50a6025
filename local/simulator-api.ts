/** The local run's routes under `/simulator/…`: the control routes of the simulated WhatsApp. */
import { parseJson } from '../simulator/control/http.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { sendJson } from './dev-api.ts'
import type { WhatsApp } from './flags.ts'
import { readBody } from './gateway/body.ts'
import type { HttpHandler } from './gateway/http-api.ts'

const maxBodyBytes = 64 * 1024

/** Passes requests to the simulator. A body that is not JSON is answered with 400. */
export function simulatorApi(simulator: Simulator): HttpHandler {
  return async (request, response) => {
    const body = parseJson(String((await readBody(request, maxBodyBytes)) ?? ''))
    if (!body.ok) return sendJson(response, 400, { field: 'body', message: 'must be JSON' })
    const reply = await simulator.control(request.method ?? 'GET', request.url ?? '', body.value)
    sendJson(response, reply.status, reply.body)
  }
}

/** Answers every request with 404 and the reason why there are no simulated phones. */
export function noSimulatorApi(whatsapp: WhatsApp): HttpHandler {
  const which = whatsapp.kind === 'live' ? 'the real WhatsApp' : `the WhatsApp at --whatsapp-url`
  return async (_, response) =>
    sendJson(response, 404, { message: `This run talks to ${which}; it has no simulated phones` })
}
