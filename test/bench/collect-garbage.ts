/**
 * A preload that collects garbage on SIGUSR2, so that the memory of processes is compared without what they could free. The
 * flavour is `last-resort`, because V8 otherwise keeps the pages of its peak: several times what 500 idle sessions need.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: NodeJS.GCFunction = runInNewContext('gc')
process.on('SIGUSR2', () => void collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }))
