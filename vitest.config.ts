import { defineConfig } from 'vitest/config'

/** Tests that run the whole system, from templates that are synthesized once for all of them. */
const whole = ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts']

export default defineConfig({
  test: {
    // Tests start processes, servers and worker threads of their own: each file gets a process, one per core.
    pool: 'forks',
    maxWorkers: 2,
    // Real sockets and processes on a machine that others use: CI asks twice, a developer sees every failure.
    retry: process.env['CI'] ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: whole,
          testTimeout: 15_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: whole,
          globalSetup: 'test/e2e/assembly.ts',
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
