/** A setup file of Vitest, which runs before each test file. */
import fc from 'fast-check'
import { afterAll } from 'vitest'
import { seed } from './seed.ts'
import { removeTemporary } from './temporary.ts'

// Properties without a seed of their own use the seed of the run.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })

afterAll(removeTemporary)
