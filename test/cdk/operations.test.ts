import { readFileSync } from 'node:fs'
import { App, Stack } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { refuseOtherShards } from '../../cdk/live-shards.ts'
import { readStage, stages } from '../../cdk/stage.ts'
import { synthesize } from './synthesize.ts'
import { temporary } from './temporary.ts'

const operations = readFileSync('docs/operations.md', 'utf8')
const headings = [...operations.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!)
const outputs = Object.values(synthesize('prod')).flatMap((template) => Object.keys(template.findOutputs('*')))
const anchorOf = (heading: string) => heading.toLowerCase().replaceAll(' ', '-')

describe('docs/operations.md', () => {
  it('has the heading that the error about shards names', () => {
    const key = 'pairplane:ssm:111111111111:eu-central-1:/pairplane/prod/shards'
    const stack = new Stack(new App({ outdir: temporary(), context: { [key]: '32' } }), 'data')
    const deployer = { account: '111111111111', region: 'eu-central-1' }
    const stage = readStage((name) => ({ stage: 'prod' })[name])
    expect(() => refuseOtherShards(stack, stage, deployer)).toThrow(
      '"Change the number of shards" in docs/operations.md',
    )
    expect(headings).toContain('Change the number of shards')
  })

  it('links to headings that it has', () => {
    const anchors = [...operations.matchAll(/\]\(#([a-z-]+)\)/g)].map(([, anchor]) => anchor)
    expect(headings.map(anchorOf)).toEqual(expect.arrayContaining(anchors))
  })

  it('names every output, and no other', () => {
    const ours = outputs.filter((name) => !name.startsWith('ExportsOutput'))
    for (const name of ours) expect(operations, name).toContain(`\`${name}\``)
    expect(ours).toHaveLength(9)
  })

  it('counts hosts with the settings of the stages', () => {
    const { cpu, memoryMb, sessionsPerHost, min, max } = stages['prod']!.hosts
    expect(operations).toContain(`${sessionsPerHost} on ${cpu / 1024} vCPU and ${memoryMb / 1024} GB`)
    expect(operations).toContain(`⌈10,000 ÷ ${sessionsPerHost}⌉ = ${Math.ceil(10_000 / sessionsPerHost)}`)
    expect(operations).toContain(`(${min} and ${max} here)`)
  })
})
