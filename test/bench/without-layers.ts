/**
 * Build options that replace the token check, code budgets, the limit on messages, metrics and Sentry by stand-ins without
 * effect, to measure what they cost.
 */
import { join, relative } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'

const root = join(import.meta.dirname, '../..')
const layers = [
  'functions/telemetry/error-reporter.ts',
  'functions/telemetry/reports.ts',
  'functions/telemetry/telemetry.ts',
  'functions/access/tokens.ts',
  'functions/access/rate-limit.ts',
  'shared/aws/secret.ts',
  'shared/budget/code-budget.ts',
  'shared/dynamo/clients/budget-store.ts',
  'shared/dynamo/clients/request-counter.ts',
  'shared/dynamo/fleet/metric-store.ts',
  'shared/telemetry/metrics.ts',
  'shared/telemetry/observed-store.ts',
]

/** Options of a build in which every layer is replaced by `stand-ins.ts`. */
export const withoutLayers: BuildOptions = { plugins: [plugin()] }

function plugin(): Plugin {
  return {
    name: 'without-layers',
    setup(build) {
      build.onResolve({ filter: /\.ts$/ }, async ({ path, pluginData, ...rest }) => {
        if (pluginData === 'resolving') return undefined
        const found = await build.resolve(path, { ...rest, pluginData: 'resolving' })
        return layers.includes(relative(root, found.path)) ? { ...found, path: standIns } : found
      })
    },
  }
}

const standIns = join(import.meta.dirname, 'stand-ins.ts')
