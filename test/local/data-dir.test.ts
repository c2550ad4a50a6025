import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDataDir } from '../../local/data-dir.ts'
import { temporary } from '../support/temporary.ts'

const simulated = { kind: 'simulated' } as const
const at = (url: string) => ({ kind: 'url', url, rootKey: '00' }) as const

test('one run at a time uses a folder', () => {
  const folder = join(temporary(), 'data')
  const first = openDataDir(folder, simulated)
  expect(() => openDataDir(folder, simulated)).toThrow(`in use by another local run (process ${process.pid})`)
  first.release()
  openDataDir(folder, simulated).release()
})

test('a lock of a process that is gone, or that was cut off, is taken over', () => {
  const folder = join(temporary(), 'data')
  openDataDir(folder, simulated).release()
  for (const left of ['{"pid": 99999999}', '{"pi', '']) {
    writeFileSync(join(folder, 'run.lock'), left)
    openDataDir(folder, simulated).release()
  }
})

test('a folder serves the WhatsApp that it was made with', () => {
  const folder = join(temporary(), 'data')
  openDataDir(folder, simulated).release()
  expect(() => openDataDir(folder, { kind: 'live' })).toThrow(
    'created with the simulated WhatsApp, but this run uses the live',
  )
  expect(() => openDataDir(folder, at('ws://a'))).toThrow('uses the WhatsApp at ws://a')
  const other = join(temporary(), 'data')
  openDataDir(other, at('ws://a')).release()
  openDataDir(other, at('ws://a')).release()
  expect(() => openDataDir(other, at('ws://b'))).toThrow('created with the WhatsApp at ws://a')
})

test('a folder with something else in it is left alone', () => {
  const folder = temporary()
  writeFileSync(join(folder, 'thesis.txt'), 'mine')
  expect(() => openDataDir(folder, simulated)).toThrow('is not empty')
})

test('what is a file, or lies in one, cannot be a folder, and is told by name', () => {
  const file = join(temporary(), 'thesis.txt')
  writeFileSync(file, 'mine')
  for (const folder of [file, join(file, 'data')]) {
    expect(() => openDataDir(folder, simulated)).toThrow(`Could not create the folder ${folder}`)
  }
})
