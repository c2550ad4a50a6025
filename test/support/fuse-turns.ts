/**
 * Turns for tests in which WhatsApp ends links. The fuse lets three companies in five minutes lose theirs, and takes more
 * for an error of WhatsApp's (R46); these tests are about single companies, and there are more of them.
 */
import type { Tables } from './tables.ts'

const places = 3

export type FuseTurns = { readonly use: (test: () => Promise<void>) => Promise<void> }

/**
 * Lets three tests at a time run, and forgets the places that were taken before each. A test may end the link of one
 * company.
 */
export function fuseTurns(tables: Pick<Tables, 'deleteFuse'>): FuseTurns {
  let free = places
  const waiting: (() => void)[] = []
  return {
    async use(test) {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
      else free -= 1
      try {
        await tables.deleteFuse()
        await test()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else free += 1
      }
    },
  }
}
