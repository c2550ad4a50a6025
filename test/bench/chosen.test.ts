import { expect, test } from 'vitest'
import { chosenOf } from './chosen.ts'

const all = ['burst', 'density', 'reset']

test.each([
  ['without names all run that write no file of the repository', [], ['burst', 'reset']],
  ['those with names run in their order', ['reset', 'density'], ['reset', 'density']],
])('%s', (_fact, names, chosen) => {
  expect(chosenOf(names, all)).toEqual(chosen)
})

test('an unknown name is an error that names all', () => {
  expect(() => chosenOf(['burst', 'bursts'], all)).toThrow('no benchmark bursts; there are burst, density, reset')
})
