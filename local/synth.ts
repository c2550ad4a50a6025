/** Synthesizes the CDK app into a folder that belongs to this run. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { isRunning } from './data-dir.ts'
import { projectFolder } from './project.ts'

export type Synthesis = {
  readonly folder: string
  remove(): void
}

/** Folder of all runs. It is inside the project, so that packages that bundles leave out are found in `node_modules`. */
const runsFolder = join(projectFolder, '.pairplane')

/** Runs the app. Throws an error with its output when it fails. */
export async function synthesize(shards: number, signal: AbortSignal): Promise<Synthesis> {
  mkdirSync(runsFolder, { recursive: true })
  removeLeftovers()
  const folder = mkdtempSync(join(runsFolder, `run-${process.pid}-`))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    await runApp(folder, shards, signal)
    return { folder, remove }
  } catch (error) {
    remove()
    throw error
  }
}

async function runApp(folder: string, shards: number, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [join(projectFolder, 'cdk', 'app.ts')], {
    cwd: projectFolder,
    env: {
      ...process.env,
      CDK_OUTDIR: folder,
      // Tests and deploys validate the templates; here validation would only delay the start.
      CDK_VALIDATION: 'false',
      CDK_CONTEXT_JSON: JSON.stringify({ stage: 'dev', shards: String(shards) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  // Settles when the process has ended, also when it was aborted: until then it may write into the folder.
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => child.pid === undefined && reject(error))
    child.once('close', resolve)
  })
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  signal.throwIfAborted()
  if (code !== 0) throw new Error(`Synthesizing the CDK app failed:\n${output}${errors}`.trimEnd())
}

/** Removes the folders of runs that no longer exist. */
function removeLeftovers(): void {
  for (const name of readdirSync(runsFolder)) {
    const pid = /^run-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(runsFolder, name), { recursive: true, force: true })
  }
}
