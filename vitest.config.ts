import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

/** Tests that run the whole system, from templates that are synthesized once for all of them. */
const whole = ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts']
/** Tests of the simulated WhatsApp. They change how Baileys verifies in their process; a setup file puts it back. */
const simulator = ['test/simulator/**/*.test.ts']
/** Tests that make Baileys verify, for all of their process: there is no way back from that. */
const verifying = [
  'test/socket-host/fleet/host.test.ts',
  'test/socket-host/wiring.test.ts',
  'test/socket-host/whatsapp/baileys-whatsapp.test.ts',
  'test/socket-host/whatsapp/with-peer/*.test.ts',
  'test/socket-host/whatsapp/patches/*.test.ts',
]

// A run starts some hundred processes that load the same code: compiled once, it is read from here. The next run
// removes it (local/synth.ts).
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL(`.pairplane/run-${process.pid}-compiled`, import.meta.url))

export default defineConfig({
  test: {
    pool: 'forks',
    // Tests of the whole system wait for hosts and services half of the time: one process more than there are cores.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Never: a test that passes the second time hides a fault of the product or of itself.
    retry: 0,
    setupFiles: ['test/support/each-file.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          globalSetup: 'test/support/print-seed.ts',
          include: ['test/**/*.test.ts'],
          exclude: [...whole, ...simulator, ...verifying],
          // Half of the time would go into loading the same modules for each file.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'simulator',
          include: simulator,
          // As a list it is added to the one above; as a string it would replace it.
          setupFiles: ['test/simulator/each-file.ts'],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'verifying',
          include: verifying,
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: whole,
          globalSetup: 'test/support/shared-assembly.ts',
          // Each file stops what it starts; loading the whole system again for each of them took half a minute of a core.
          isolate: false,
          // What is promised sooner is measured by the benchmarks, and by tests with a clock of their own.
          testTimeout: 120_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
})
