import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDataDir } from '../../local/data-dir.ts'
import { temporary } from '../support/temporary.ts'

const simulated = { kind: 'simulated' } as const
const at = (url: string) => ({ kind: 'url', url, rootKey: '00' }) as const

test('one run at a time uses a folder', () => {
  const folder = join(temporary(), 'data')
  const first = openDataDir(folder, simulated, 4)
  expect(() => openDataDir(folder, simulated, 4)).toThrow(`in use by another local run (process ${process.pid})`)
  first.release()
  openDataDir(folder, simulated, 4).release()
})

test('a lock of a process that is gone, or that was cut off, is taken over', () => {
  const folder = join(temporary(), 'data')
  openDataDir(folder, simulated, 4).release()
  for (const left of ['{"pid": 99999999}', '{"pi', '']) {
    writeFileSync(join(folder, 'run.lock'), left)
    openDataDir(folder, simulated, 4).release()
  }
})

test('a folder serves the WhatsApp that it was made with', () => {
  const folder = join(temporary(), 'data')
  openDataDir(folder, simulated, 4).release()
  expect(() => openDataDir(folder, { kind: 'live' }, 4)).toThrow(
    'created with the simulated WhatsApp, but this run uses the live',
  )
  expect(() => openDataDir(folder, at('ws://a'), 4)).toThrow('uses the WhatsApp at ws://a')
  const other = join(temporary(), 'data')
  openDataDir(other, at('ws://a'), 4).release()
  openDataDir(other, at('ws://a'), 4).release()
  expect(() => openDataDir(other, at('ws://b'), 4)).toThrow('created with the WhatsApp at ws://a')
})

test('a folder with something else in it is left alone', () => {
  const folder = temporary()
  writeFileSync(join(folder, 'thesis.txt'), 'mine')
  expect(() => openDataDir(folder, simulated, 4)).toThrow('is not empty')
})

test('what is a file, or lies in one, cannot be a folder, and is told by name', () => {
  const file = join(temporary(), 'thesis.txt')
  writeFileSync(file, 'mine')
  for (const folder of [file, join(file, 'data')]) {
    expect(() => openDataDir(folder, simulated, 4)).toThrow(`Could not create the folder ${folder}`)
  }
})

test('a folder of another number of shards is refused: its companies would be on no list of this run', () => {
  const folder = temporary()
  openDataDir(folder, simulated, 4).release()
  expect(() => openDataDir(folder, simulated, 8)).toThrow('was created with --shards 4, but this run has 8')
  openDataDir(folder, simulated, 4).release()
})
