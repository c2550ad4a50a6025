import { readFileSync } from 'node:fs'
import { App, Stack } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { maxShards } from '#shared/config/env.ts'
import { refuseOtherShards } from '../../cdk/live-shards.ts'
import { readStage, stages } from '../../cdk/stage.ts'
import { temporary } from '../support/temporary.ts'
import { only, resources, synthesize, synthesizeStacks } from './synthesize.ts'

const operations = readFileSync('docs/operations.md', 'utf8')
const headings = [...operations.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!)
const templates = Object.values(synthesize('prod'))
const outputs = templates.flatMap((template) => Object.keys(template.findOutputs('*')))
const anchorOf = (heading: string) => heading.toLowerCase().replaceAll(' ', '-')

describe('docs/operations.md', () => {
  it('has the heading that the error about shards names', () => {
    const key = 'pairplane:ssm:111111111111:eu-central-1:/pairplane/prod/shards:2026-11-22T10:0'
    const stack = new Stack(new App({ outdir: temporary(), context: { [key]: '32' } }), 'data')
    const deployer = { account: '111111111111', region: 'eu-central-1' }
    const stage = readStage((name) => ({ stage: 'prod' })[name])
    expect(() => refuseOtherShards(stack, stage, deployer, Date.UTC(2026, 10, 22, 10, 3))).toThrow(
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

  it('switches off the protection of every stack before it tears prod down', () => {
    const [, parts = ''] = /^for part in ([\w -]+); do\n.*--no-enable-termination-protection .*-prod-\$part$/m.exec(
      operations,
    )!
    const isProtected = synthesizeStacks('prod').filter(({ terminationProtection }) => terminationProtection)
    expect(
      parts
        .split(' ')
        .map((part) => `pairplane-prod-${part}`)
        .sort(),
    ).toEqual(isProtected.map(({ stackName }) => stackName).sort())
  })

  it('says what a torn-down stage leaves behind, and how to remove it', () => {
    const [role] = Object.values(resources(synthesize('dev').controlPlane, 'AWS::IAM::Role')).filter(
      ({ DeletionPolicy }) => DeletionPolicy === 'Retain',
    )
    const [policy] = role?.Properties.ManagedPolicyArns ?? []
    expect(operations).toContain(`aws iam detach-role-policy`)
    expect(operations).toContain(policy['Fn::Join'][1].at(-1).replace(/^:/, ''))
    expect(only(synthesize('dev').controlPlane, 'AWS::ApiGateway::Account').DeletionPolicy).toBe('Retain')
  })

  it('runs scripts by npm, which brings the Node that can run them', () => {
    expect(operations).not.toMatch(/^\s*node /m)
  })

  it('says how many shards and sessions a stage can have at most', () => {
    const most = maxShards * stages['prod']!.hosts.sessionsPerHost
    expect(operations).toContain(
      `${maxShards} × ${stages['prod']!.hosts.sessionsPerHost} = ${most.toLocaleString('en')}`,
    )
  })

  it('counts the alarms, and the metrics that they cost', () => {
    const alarms = templates.flatMap((template) => Object.values(resources(template, 'AWS::CloudWatch::Alarm')))
    const metrics = alarms.flatMap(
      ({ Properties }) =>
        Properties.Metrics?.filter((metric: { MetricStat?: object }) => metric.MetricStat) ?? [Properties],
    )
    expect(operations).toContain(`a stage has ${alarms.length} alarms on ${metrics.length} metrics`)
    expect(operations).toContain(`| alarms ${(metrics.length / 10).toFixed(2)},`)
  })

  it('says how much concurrency of the account prod takes', () => {
    const reserved = Object.values(stages['prod']!.reservedConcurrency).reduce((sum, each) => sum + each, 0)
    expect(operations).toContain(`it reserves ${reserved} concurrent executions of Lambda`)
    expect(operations).toContain(`far below ${100 + reserved}`)
  })

  it('counts hosts with the settings of the stages', () => {
    const { cpu, memoryMb, sessionsPerHost, min, max } = stages['prod']!.hosts
    expect(operations).toContain(`${sessionsPerHost} on ${cpu / 1024} vCPU and ${memoryMb / 1024} GB`)
    expect(operations).toContain(`⌈10,000 ÷ ${sessionsPerHost}⌉ = ${Math.ceil(10_000 / sessionsPerHost)}`)
    expect(operations).toContain(`(${min} and ${max} here)`)
  })
})
