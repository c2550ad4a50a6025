import { defineConfig } from 'vitest/config'

/** Tests that run the whole system, from templates that are synthesized once for all of them. */
const whole = ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts']
/** Tests that change what Baileys trusts and how it verifies, for all of their process. */
const library = ['test/local/whatsapp/**/*.test.ts', 'test/socket-host/{baileys-verify,host,whatsapp}.test.ts']

export default defineConfig({
  test: {
    // Tests start processes, servers and worker threads of their own: one process per core is enough.
    pool: 'forks',
    maxWorkers: 2,
    // Real sockets and processes on a machine that others use: CI asks again, a developer sees every failure.
    retry: process.env['CI'] ? 2 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: [...whole, ...library],
          // Half of the time would go into loading the same modules for each file.
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'library',
          include: library,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: whole,
          globalSetup: 'test/e2e/assembly.ts',
          // What is promised sooner is measured by the benchmarks, and by tests with a clock of their own.
          testTimeout: 120_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
})
