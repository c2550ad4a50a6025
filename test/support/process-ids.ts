/** Ids of processes that are measured or get a signal. */

/**
 * Returns the id of a process that runs. Throws an error when it has none: a signal to the id 0 would reach the whole process
 * group, this process included.
 */
export function pidOf(started: { readonly pid?: number | undefined } | undefined): number {
  if (!started?.pid) throw new Error('The process does not run')
  return started.pid
}

type WithHosts = { readonly run: { readonly hosts: () => Promise<readonly { readonly pid: number | undefined }[]> } }

/** Returns the process id of the first host. Throws an error when there is none. */
export const firstHostPid = async ({ run }: WithHosts): Promise<number> => pidOf((await run.hosts())[0])
