/** A setup file: properties that name no seed of their own use the one of the run. */
import fc from 'fast-check'
import { seed } from './seed.ts'

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })
