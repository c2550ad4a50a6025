import { App, Stack } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { refuseOtherShards } from '../../cdk/live-shards.ts'
import { readStage } from '../../cdk/stage.ts'
import { temporary } from '../support/temporary.ts'
import { prodShards } from './synthesize.ts'

const deployer = { account: '111111111111', region: 'eu-central-1' }
const now = Date.UTC(2026, 10, 22, 10, 3)
const key = 'pairplane:ssm:111111111111:eu-central-1:/pairplane/prod/shards:2026-11-22T10:0'

/** Synthesizes with values that the command line has looked up; returns the look-ups that are still missing. */
function attempt(
  context: Record<string, unknown>,
  stageName = 'prod',
  who: Parameters<typeof refuseOtherShards>[2] = deployer,
  at = now,
) {
  const app = new App({ outdir: temporary(), context, builtinCloudFormationValidation: false })
  const stack = new Stack(app, 'data')
  refuseOtherShards(
    stack,
    readStage((name) => ({ stage: stageName, ...context })[name]),
    who,
    at,
  )
  return app.synth().manifest.missing?.map((missing) => missing.key) ?? []
}

const live = String(prodShards)
const other = String(prodShards - 1)

describe('the number of shards of a live stage', () => {
  it('is looked up', () => {
    expect(attempt({})).toEqual([key])
  })

  it('cannot change in passing, and the error says what to do', () => {
    expect(() => attempt({ [key]: live, shards: other })).toThrow(
      new RegExp(`Stage prod is live with ${live} shards.+docs/operations\\.md.+-c confirmShards=${other}`, 's'),
    )
  })

  it('changes when that is confirmed', () => {
    expect(attempt({ [key]: live, shards: other, confirmShards: other })).toEqual([])
    expect(() => attempt({ [key]: live, shards: other, confirmShards: '64' })).toThrow(`live with ${live} shards`)
  })

  it('may stay', () => {
    expect(attempt({ [key]: live })).toEqual([])
  })

  it('is looked up again ten minutes later: another machine may have changed it', () => {
    const known = { [key]: live }
    expect(attempt(known, 'prod', deployer, Date.UTC(2026, 10, 22, 10, 9, 59))).toEqual([])
    expect(attempt(known, 'prod', deployer, Date.UTC(2026, 10, 22, 10, 10))).toEqual([key.replace(/0$/, '1')])
    expect(attempt(known, 'prod', deployer, Date.UTC(2026, 10, 23, 10, 3))).toHaveLength(1)
  })

  it('is not known before the first deploy', () => {
    expect(attempt({ [key]: { $providerError: 'no such parameter' }, shards: other })).toEqual([])
  })

  it('is not asked for without credentials, nor for a stage whose data may go', () => {
    expect(attempt({}, 'prod', { account: undefined, region: undefined })).toEqual([])
    expect(attempt({}, 'dev')).toEqual([])
  })
})
