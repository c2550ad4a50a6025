/**
 * The functions as they were before trust and sight: stand-ins that let everything through and see nothing, for the token
 * check, code budgets, the limit on messages, metrics and Sentry. Only for measuring what those cost.
 */
import { join, relative } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'

const root = join(import.meta.dirname, '../..')
const layers = [
  'functions/error-reporter.ts',
  'functions/reports.ts',
  'functions/sight.ts',
  'functions/tokens.ts',
  'functions/ws/message-rate.ts',
  'shared/aws/secret.ts',
  'shared/code-budget.ts',
  'shared/dynamo/budget-store.ts',
  'shared/dynamo/message-counter.ts',
  'shared/dynamo/metric-store.ts',
  'shared/metrics.ts',
  'shared/observed-store.ts',
]

/** Builds with every layer replaced by this module. */
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
