import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Counts, counted, percentile, sumOf } from '#shared/domain/metrics/metrics.ts'
import type { HostLine, MetricStore } from '#shared/dynamo/fleet/metric-store.ts'
import { endpoint } from '../../../functions/http/endpoint.ts'
import { metricsRoutes } from '../../../functions/http/metrics.ts'
import { httpEvent, lambdaContext, makeWorld, start } from '../support.ts'

const host: HostLine = {
  hostId: 'host-1',
  version: '1.0',
  since: start,
  sessions: 2,
  shards: [0, 1],
  states: { connected: 2 },
  at: start + 5_000,
}

function memoryMetrics(recent: Counts, hour: Counts, hosts: HostLine[]): MetricStore {
  return { add: async () => {}, sum: async (minutes) => (minutes === 5 ? recent : hour), hosts: async () => hosts }
}

async function read(metrics: MetricStore, token = 'admin') {
  const handler = endpoint(metricsRoutes, () => ({ ...makeWorld(), metrics }))
  const response = await handler(httpEvent('GET /api/whatsapp/metrics', { token }), lambdaContext as never)
  return { status: response.statusCode, body: JSON.parse(response.body) }
}

test('without any events counts are zero, and rates and means are null', async () => {
  const nothing = { p50: null, p90: null, p99: null }
  expect(await read(memoryMetrics({}, {}, []))).toEqual({
    status: 200,
    body: {
      phone_mismatch_count: 0,
      phone_mismatch_rate: 0,
      avg_cleanup_time_ms: null,
      cleanup_success_rate: null,
      credential_age_on_mismatch: null,
      time_to_code_ms: nothing,
      time_to_link_ms: nothing,
      attempts_requested: 0,
      attempts_by_outcome: {},
      sessions_by_state: {},
      hosts: [],
      window_minutes: 60,
    },
  })
})

test('counters are summed up', async () => {
  const recent = sumOf([...Array.from({ length: 4 }, counted.attemptRequested), counted.phoneMismatch(100)])
  const hour = sumOf([
    recent,
    counted.phoneMismatch(300),
    counted.cleanupEnded('ok', 1_000),
    counted.cleanupEnded('ok', 2_000),
    counted.cleanupEnded('failed', 60_000),
    counted.attemptEnded('connected'),
    counted.attemptEnded('CODE_EXPIRED'),
    counted.codeIssued(800),
  ])
  const { body } = await read(memoryMetrics(recent, hour, [host, { ...host, hostId: 'host-2' }]))
  expect(body).toMatchObject({
    phone_mismatch_count: 1,
    phone_mismatch_rate: 0.25,
    avg_cleanup_time_ms: 21_000,
    cleanup_success_rate: 2 / 3,
    credential_age_on_mismatch: 200,
    attempts_by_outcome: { connected: 1, CODE_EXPIRED: 1 },
    sessions_by_state: { connected: 4 },
    hosts: [
      {
        ...{ hostId: 'host-1', version: '1.0', since: '2026-11-22T10:00:00.000Z', sessions: 2, shards: [0, 1] },
        sessionsAt: '2026-11-22T10:00:05.000Z',
      },
      { hostId: 'host-2' },
    ],
  })
})

test('metrics are for admins', async () => {
  expect(await read(memoryMetrics({}, {}, []), '1001')).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
})

describe('a percentile', () => {
  test('lies in the bucket of its value', () => {
    const times = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(times, fc.constantFrom(0.5, 0.9, 0.99), (values, share) => {
        const found = percentile(sumOf(values.map(counted.codeIssued)), 'time_to_code_ms', share)
        const exact = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0
        const bounds = [0, 500, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000]
        const upper = bounds.find((bound) => exact <= bound) ?? 20_000
        const lower = bounds[bounds.indexOf(upper) - 1] ?? 0
        expect(found).toBeGreaterThanOrEqual(lower)
        expect(found).toBeLessThanOrEqual(upper)
      }),
    )
  })
})
