/** Metrics of pairing and hosts, for the marketplace's dashboards (requirements, "HTTP API"). */
import { once } from '#shared/async/once.ts'
import {
  type Counts,
  countOf,
  type Histogram,
  mean,
  outcomesOf,
  percentile,
  ratio,
  sumOf,
} from '#shared/domain/metrics/metrics.ts'
import { ok } from '#shared/domain/values/result.ts'
import type { HostLine, MetricStore } from '#shared/dynamo/fleet/metric-store.ts'
import type { Clock } from '#shared/ports.ts'
import type { Log } from '#shared/telemetry/log.ts'
import type { RateLimit } from '../access/rate-limit.ts'
import type { VerifyToken } from '../access/tokens.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { clock, httpRateLimit, log, metricStore, shards, telemetry, verify } from '../wiring/deps.ts'
import { endpoint } from './endpoint.ts'
import { adminRoute, noInput, type Route } from './request.ts'
import { json } from './responses.ts'

export type MetricsDeps = {
  readonly log: Log
  readonly verify: VerifyToken
  readonly rateLimit: RateLimit
  readonly telemetry: Telemetry
  readonly metrics: MetricStore
  readonly shards: number
  readonly clock: Clock
}

/** Windows: an hour for rare events, five minutes for phone mismatches, which come in bursts. */
const windowMinutes = 60
const mismatchMinutes = 5

const getMetrics = adminRoute(noInput, async (_request, { metrics, shards: count, clock: now }: MetricsDeps) => {
  const [recent, counts, hosts] = await Promise.all([
    metrics.sum(mismatchMinutes, now()),
    metrics.sum(windowMinutes, now()),
    metrics.hosts(count),
  ])
  return ok(json(200, { ...mismatches(recent), ...pairing(counts), ...fleet(hosts), window_minutes: windowMinutes }))
})

const mismatches = (counts: Counts) => ({
  phone_mismatch_count: countOf(counts, 'phone_mismatch'),
  /** Share of the requested attempts. */
  phone_mismatch_rate: ratio(countOf(counts, 'phone_mismatch'), countOf(counts, 'requested')) ?? 0,
})

const pairing = (counts: Counts) => ({
  avg_cleanup_time_ms: mean(counts, 'cleanup_time_ms'),
  cleanup_success_rate: ratio(
    countOf(counts, 'cleanup.ok'),
    countOf(counts, 'cleanup.ok') + countOf(counts, 'cleanup.failed'),
  ),
  /** Mean, in seconds. */
  credential_age_on_mismatch: mean(counts, 'credential_age_seconds'),
  time_to_code_ms: percentiles(counts, 'time_to_code_ms'),
  time_to_link_ms: percentiles(counts, 'time_to_link_ms'),
  attempts_requested: countOf(counts, 'requested'),
  attempts_by_outcome: outcomesOf(counts),
})

const percentiles = (counts: Counts, name: Histogram) => ({
  p50: percentile(counts, name, 0.5),
  p90: percentile(counts, name, 0.9),
  p99: percentile(counts, name, 0.99),
})

const fleet = (hosts: readonly HostLine[]) => ({
  sessions_by_state: sumOf(hosts.map(({ states }) => states)),
  hosts: hosts.map(({ hostId, version, since, sessions, shards: owned, at }) => ({
    hostId,
    version,
    since: iso(since),
    sessions,
    shards: owned,
    /** Time of the host's report, from which the fields above and its part of `sessions_by_state` come. */
    sessionsAt: iso(at),
  })),
})

const iso = (epochMs: number) => new Date(epochMs).toISOString()

export const metricsRoutes: Readonly<Record<string, Route<MetricsDeps>>> = { 'GET /api/whatsapp/metrics': getMetrics }

const deps = once(
  (): MetricsDeps => ({
    log: log(),
    verify: verify(),
    rateLimit: httpRateLimit(),
    telemetry: telemetry(),
    metrics: metricStore(),
    shards: shards(),
    clock,
  }),
)

export const handler = endpoint(metricsRoutes, deps)
