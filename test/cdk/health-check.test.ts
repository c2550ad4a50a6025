/** The container's health check, run as ECS runs it, against the endpoint that hosts serve. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { healthCommand } from '../../cdk/constructs/host-task.ts'
import { type HealthEndpoint, serveHealth } from '../../socket-host/fleet/health.ts'
import { fakeClock } from '../fakes/fake-clock.ts'
import { only, synthesize } from './synthesize.ts'

const { socketHost } = synthesize('prod')
const [{ Environment, HealthCheck }] = only(socketHost, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions

/** Time limit for checks that get an answer. Tests of checks without an answer choose their own. */
const answerTimeoutMs = 60_000

async function check(port: number, withinMs = answerTimeoutMs): Promise<unknown[]> {
  const [program, ...args] = healthCommand(`http://127.0.0.1:${port}/health`, withinMs)
  expect(program).toBe('node')
  return once(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit')
}

async function serve(canRead: boolean): Promise<HealthEndpoint> {
  const host = { status: () => ({ shards: [1], sessions: 2, lastContactAt: 0, canRead }) }
  const endpoint = await serveHealth({ host, time: fakeClock() }, 0)
  onTestFinished(() => endpoint.close())
  return endpoint
}

test.each([
  ['passes a host that is healthy', true, 0],
  ['fails one that can read no credentials', false, 1],
])('the check %s', async (_name, canRead, code) => {
  expect(await check((await serve(canRead)).port)).toEqual([code, null])
})

test('the check fails where nobody listens', async () => {
  expect(await check(1)).toEqual([1, null])
})

test.each([
  ['says nothing', ''],
  ['stops in the middle of its answer', 'HTTP/1.1 200 OK\r\ncontent-length: 7'],
])('the check fails in time at a host that %s', async (_name, words) => {
  const server = createServer((socket) => socket.on('error', () => undefined).write(words))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  expect(await check((server.address() as AddressInfo).port, 500)).toEqual([1, null])
})

test('a host has no longer to answer than ECS gives the check, and is asked where it listens', () => {
  const port = Environment.find(({ Name }: { Name: string }) => Name === 'HEALTH_PORT').Value
  const [form, ...command] = HealthCheck.Command
  const [, withinMs] = /process\.exit\(1\), (\d+)\)/.exec(command.join(' ')) ?? []
  expect(Number(withinMs)).toBeLessThan(HealthCheck.Timeout * 1000)
  expect([form, ...command]).toEqual(['CMD', ...healthCommand(`http://127.0.0.1:${port}/health`, Number(withinMs))])
  // `fetch` would load a second HTTP client for each check.
  expect(command.join(' ')).not.toContain('fetch')
})
