/** Replaces hosts that report unhealthy, which the local run does not do by itself. ECS does (cdk/constructs/host-task.ts). */
import { setTimeout as pause } from 'node:timers/promises'

type Checked = { readonly hostId: string; readonly pid: number | undefined }

export type HealthChecks = {
  /** Gets every line of the hosts' logs: a local host says there on which port it answers. */
  readonly line: (hostId: string, line: string) => void
  /** Checks and replaces until the signal is aborted. */
  readonly keepChecking: (hosts: () => readonly Checked[], signal: AbortSignal) => Promise<void>
  /** Returns the number of hosts that were replaced. */
  readonly replaced: () => number
}

/** ECS checks every 15 s: its replacement would take as long as the shorter acts. */
const everyMs = 3000
const timeoutMs = 2000
const failuresBeforeReplacement = 3

/**
 * A host is replaced when it has said several times in a row that it is unhealthy. One that says nothing is left alone:
 * another act may have stopped it for some seconds.
 */
export function healthChecks(): HealthChecks {
  const ports = new Map<string, number>()
  const failures = new Map<string, number>()
  let replaced = 0

  async function checkAll(hosts: readonly Checked[]): Promise<void> {
    for (const host of hosts) {
      const port = ports.get(host.hostId)
      if (port === undefined) continue
      const isUnhealthy = (await statusOf(port)) === 503
      const count = isUnhealthy ? (failures.get(host.hostId) ?? 0) + 1 : 0
      failures.set(host.hostId, count)
      if (count !== failuresBeforeReplacement) continue
      replaced += 1
      if (host.pid !== undefined) process.kill(host.pid, 'SIGTERM')
    }
  }

  return {
    line: (hostId, line) => {
      const port = /"Health endpoint listening"/.test(line) && /"port":(\d+)/.exec(line)?.[1]
      if (port) ports.set(hostId, Number(port))
    },
    async keepChecking(hosts, signal) {
      while (!signal.aborted) {
        // Not as the table shows them: it may be away, which must replace no host (R49).
        await checkAll(hosts())
        await pause(everyMs)
      }
    },
    replaced: () => replaced,
  }
}

async function statusOf(port: number): Promise<number | undefined> {
  const signal = AbortSignal.timeout(timeoutMs)
  const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal }).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.status
}
