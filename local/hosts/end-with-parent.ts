/** A preload: a host whose local run has vanished (killed, crashed) stops as if it were told to, and at the latest soon after. */
const graceMs = 15_000

process.channel?.unref()
process.once('disconnect', () => {
  setTimeout(() => process.exit(1), graceMs).unref()
  process.kill(process.pid, 'SIGTERM')
})
