/** A preload that prints the load of the event loop each second, for benchmarks that read a host's output. */
import { loopLoad } from '../../socket-host/fleet/loop-load.ts'

const load = loopLoad()
setInterval(() => console.log(`loop-load ${load().toFixed(3)}`), 1000).unref()
