import { expect, test } from 'vitest'
import { deployedPackages, isAccepted } from '../../cdk/licences.ts'

const packages = deployedPackages('.')

test('everything that is deployed comes under a licence that was agreed to', () => {
  expect(packages.length).toBeGreaterThan(50)
  expect(packages.filter((each) => !isAccepted(each))).toEqual([])
})

test('the one copyleft licence is known by name', () => {
  const copyleft = packages.filter(({ licence }) => /GPL/.test(licence))
  expect(copyleft.map(({ name, licence }) => `${name} ${licence}`)).toEqual(['libsignal GPL-3.0'])
})

test.each(['GPL-3.0', 'UNLICENSED', 'unknown', 'AGPL-3.0-only', 'SEE LICENSE IN LICENSE'])(
  '%s is refused',
  (licence) => {
    expect(isAccepted({ name: 'new-package', version: '1.0.0', licence })).toBe(false)
  },
)

test('what is only used for development is not deployed', () => {
  expect(packages.map(({ name }) => name)).not.toContain('vitest')
})
