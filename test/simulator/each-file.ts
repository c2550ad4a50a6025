/** A setup file of Vitest for tests of the simulated WhatsApp. Their files share one Baileys, which some make strict. */
import { afterAll } from 'vitest'
import { verifyStrictly } from './companion.ts'

afterAll(() => verifyStrictly(false))
