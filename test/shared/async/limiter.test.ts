import { expect, test } from 'vitest'
import { limiter } from '#shared/async/limiter.ts'

/** Tasks that hold their places until the test ends them. */
function rig(width: number) {
  const turn = limiter(width)
  const begun: string[] = []
  const leaves = new Map<string, () => void>()
  const start = (name: string) =>
    void turn().then((leave) => {
      begun.push(name)
      leaves.set(name, leave)
    })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { begun, start, leave: (name: string) => leaves.get(name)?.(), settle }
}

test('as many as the width run side by side, the others in order of arrival', async () => {
  const { begun, start, leave, settle } = rig(2)
  for (const name of ['a', 'b', 'c', 'd']) start(name)
  await settle()
  expect(begun).toEqual(['a', 'b'])
  leave('b')
  await settle()
  expect(begun).toEqual(['a', 'b', 'c'])
})

test('a place is given back only once, and is free for later ones', async () => {
  const { begun, start, leave, settle } = rig(1)
  start('a')
  await settle()
  leave('a')
  leave('a')
  for (const name of ['b', 'c']) start(name)
  await settle()
  expect(begun).toEqual(['a', 'b'])
})
