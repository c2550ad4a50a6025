import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { firstHostPid, pidOf } from './process-ids.ts'

const stageWith = (...pids: readonly (number | undefined)[]) => ({
  run: { hosts: async () => pids.map((pid) => ({ pid })) },
})

test('a process has its id, and the first host too', async () => {
  expect(pidOf({ pid: 7 })).toBe(7)
  expect(await firstHostPid(stageWith(8, 9))).toBe(8)
})

test.each([[undefined], [{}], [{ pid: undefined }], [{ pid: 0 }]])('%j has no id', (started) => {
  expect(() => pidOf(started)).toThrow('does not run')
})

test.each([[stageWith()], [stageWith(undefined)]])('without a host that runs there is no id', async (stage) => {
  await expect(firstHostPid(stage)).rejects.toThrow('does not run')
})

test('no test and no benchmark takes 0 for the id of a process', () => {
  const root = new URL('..', import.meta.url)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  expect(files.filter((file) => /pid \?\? \d/.test(readFileSync(new URL(file, root), 'utf8')))).toEqual([])
})
