/** A setup file, run anew for each file of tests. */
import fc from 'fast-check'
import { afterAll } from 'vitest'
import { seed } from './seed.ts'
import { removeTemporary } from './temporary.ts'

// Properties that name no seed of their own use the one of the run.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })

afterAll(removeTemporary)
