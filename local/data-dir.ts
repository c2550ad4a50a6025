/**
 * The folder of `--data`. A marker file records which WhatsApp and which number of shards it belongs to, and a lock lets
 * only one run use it at a time.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { WhatsApp } from './flags.ts'
import { readJson, writeJson } from './services/json-file.ts'

export type DataDir = {
  /** Returns the path of a file in the folder. */
  file(name: string): string
  /** Removes the lock, so that another run can use the folder. */
  release(): void
}

/** Folders of older runs do not name their number of shards. */
const Marker = v.object({ whatsapp: v.string(), shards: v.optional(v.number()) })
const Lock = v.object({ pid: v.number() })

/** Creates and locks the folder for this run. Throws an error that says why it cannot be used. */
export function openDataDir(folder: string, whatsapp: WhatsApp, shards: number): DataDir {
  makeFolder(folder)
  const lock = join(folder, 'run.lock')
  checkMarker(folder, whatsapp, shards)
  takeLock(lock, folder)
  writeJson(join(folder, markerName), { whatsapp: identityOf(whatsapp), shards })
  return { file: (name) => join(folder, name), release: () => rmSync(lock, { force: true }) }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new Error(`Could not create the folder ${folder}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
}

const markerName = 'pairplane-data.json'

function checkMarker(folder: string, whatsapp: WhatsApp, shards: number): void {
  const marker = readJson(join(folder, markerName), Marker)
  if (marker === undefined) {
    const foreign = readdirSync(folder).filter((name) => name !== 'run.lock')
    if (foreign.length > 0)
      throw new Error(`${folder} is not empty and was not created by a local run; choose another folder`)
    return
  }
  if (marker.shards !== undefined && marker.shards !== shards)
    // Its companies would stay on the lists of their old shards, and no host would open their sessions.
    throw new Error(
      `${folder} was created with --shards ${marker.shards}, but this run has ${shards}; choose another folder`,
    )
  const wanted = identityOf(whatsapp)
  if (marker.whatsapp === wanted) return
  // Another WhatsApp does not know the linked devices in the folder and would log all of them out.
  throw new Error(
    `${folder} was created with ${describe(marker.whatsapp)}, but this run uses ${describe(wanted)}; choose another folder`,
  )
}

function takeLock(lock: string, folder: string): void {
  const content = JSON.stringify({ pid: process.pid })
  try {
    writeFileSync(lock, content, { flag: 'wx' })
  } catch (error) {
    if (!existsSync(lock)) throw error
    const holder = readLock(lock)
    if (holder !== undefined && isRunning(holder)) {
      throw new Error(`${folder} is in use by another local run (process ${holder})`)
    }
    rmSync(lock, { force: true })
    writeFileSync(lock, content, { flag: 'wx' })
  }
}

function readLock(lock: string): number | undefined {
  try {
    return readJson(lock, Lock)?.pid
  } catch {
    // A lock file that was only partly written has no owner.
    return undefined
  }
}

/** True when the process exists. Signal 0 only checks, and has no effect on the process. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function identityOf(whatsapp: WhatsApp): string {
  return whatsapp.kind === 'url' ? whatsapp.url : whatsapp.kind
}

function describe(identity: string): string {
  return identity.includes(':') ? `the WhatsApp at ${identity}` : `the ${identity} WhatsApp`
}
