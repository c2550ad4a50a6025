import { dirname } from 'node:path'

/** Root folder of the project. */
export const projectFolder = dirname(import.meta.dirname)
