/** Contract of `DataKeys` (R14). */
import { describe, expect, test } from 'vitest'
import type { DataKeys } from '#shared/ports.ts'

const ref = { companyId: 'company-1', generation: 'generation-1' }

export function describeDataKeys({ make }: { make(): Promise<DataKeys> }): void {
  describe('data keys', () => {
    test('a key has 32 bytes and is unwrapped by its generation', async () => {
      const keys = await make()
      const { key, wrappedKey } = await keys.create(ref)
      expect(key).toHaveLength(32)
      expect(await keys.unwrap(ref, wrappedKey)).toEqual(key)
    })

    test('no two keys are alike', async () => {
      const keys = await make()
      const [first, second] = [await keys.create(ref), await keys.create(ref)]
      expect(first.key).not.toEqual(second.key)
      expect(first.wrappedKey).not.toBe(second.wrappedKey)
    })

    test.each([
      ['another generation', { ...ref, generation: 'generation-2' }],
      ['another company', { ...ref, companyId: 'company-2' }],
    ])('%s cannot unwrap it', async (_name, other) => {
      const keys = await make()
      const { wrappedKey } = await keys.create(ref)
      expect(await keys.unwrap(other, wrappedKey)).toBe('refused')
    })

    test.each([
      ['altered', (wrapped: string) => wrapped.replace(/.(?=.{8}$)/, (last) => (last === 'A' ? 'B' : 'A'))],
      ['cut short', (wrapped: string) => wrapped.slice(0, 20)],
      ['empty', () => ''],
      ['not base64', () => '%%%'],
    ])('a wrapped key that is %s is refused', async (_name, spoil) => {
      const keys = await make()
      const { wrappedKey } = await keys.create(ref)
      expect(await keys.unwrap(ref, spoil(wrappedKey))).toBe('refused')
    })
  })
}
