/**
 * Preload of a host: when its local run disappears (killed, crashed), the host gets SIGTERM, and ends at the latest
 * after the grace period.
 */
const graceMs = 15_000

process.channel?.unref()
process.once('disconnect', () => {
  setTimeout(() => process.exit(1), graceMs).unref()
  process.kill(process.pid, 'SIGTERM')
})
