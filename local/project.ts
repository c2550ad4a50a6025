/** Where the project is. */
import { dirname } from 'node:path'

/** The project's root folder. */
export const projectFolder = dirname(import.meta.dirname)
