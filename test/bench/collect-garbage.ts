/**
 * A preload: collects garbage on SIGUSR2, so that the memory of processes is compared without what they could give back. As
 * the last resort, since V8 otherwise keeps the pages of its busiest moment: several times what 500 idle sessions need.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: NodeJS.GCFunction = runInNewContext('gc')
process.on('SIGUSR2', () => void collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }))
