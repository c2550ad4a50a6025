import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorCodes, errorSpec } from '#shared/domain/values/errors.ts'
import { metricNames } from '#shared/telemetry/metric-names.ts'
import { only, resources, synthesize } from './synthesize.ts'

const prod = synthesize('prod')
const { data } = prod
const templates = Object.values(prod)
const alarms = templates.flatMap((template) => Object.values(resources(template, 'AWS::CloudWatch::Alarm')))
// The other alarms drive the scaling and notify nobody.
const ours = alarms.filter(({ Properties }) => !/(Upper|Lower)Policy/.test(JSON.stringify(Properties.AlarmActions)))
const runbook = readFileSync('docs/runbook.md', 'utf8')
const headings = [...runbook.matchAll(/^## ([a-z-]+)$/gm)].map(([, heading]) => heading)
const links = (text: string) => [...text.matchAll(/docs\/runbook\.md#([a-z-]+)/g)].map(([, anchor]) => anchor)

const linked = [
  ...ours.flatMap(({ Properties }) => links(Properties.AlarmDescription)),
  ...templates.flatMap((template) => links(JSON.stringify(resources(template, 'AWS::Events::Rule')))),
]

describe('alarms', () => {
  it('say what is wrong and name a heading of the runbook, each', () => {
    for (const { Properties } of ours) {
      expect(Properties.AlarmDescription).toMatch(/^[A-Z].+ \(Pairplane prod\)\. See docs\/runbook\.md#[a-z-]+$/)
    }
    expect(headings).toEqual(expect.arrayContaining(linked))
  })

  it('leave no heading of the runbook without an alarm', () => {
    expect(linked).toEqual(expect.arrayContaining(headings))
  })

  it('tell somebody, also when they are over', () => {
    for (const { Properties } of ours) {
      expect(JSON.stringify(Properties.AlarmActions)).toContain('AlertsTopic')
      expect(Properties.OKActions).toEqual(Properties.AlarmActions)
    }
  })

  it('look at every function, every queue and both tables', () => {
    const text = JSON.stringify(ours)
    expect(ours.filter(({ Properties }) => Properties.MetricName === 'Errors')).toHaveLength(10)
    for (let shard = 0; shard < 16; shard++) expect(text).toContain(`"pairplane-prod-shard-${shard}.fifo"`)
    expect(text).toContain('TablesControl')
    expect(text).toContain('TablesCredentials')
  })

  it('do not ring for bad tokens: of the authorizer only what it logs as a failure counts', () => {
    const filters = templates.flatMap((each) => Object.values(resources(each, 'AWS::Logs::MetricFilter')))
    // test/cdk/log-filters.test.ts has what each of them counts.
    const counted = filters.flatMap(({ Properties }) => Properties.MetricTransformations)
    expect(counted).toHaveLength(5)
    const sums = ours.flatMap(({ Properties }) => [
      { ...Properties, Stat: Properties.Statistic },
      // biome-ignore lint/suspicious/noExplicitAny: a template has no types
      ...(Properties.Metrics ?? []).map(({ MetricStat }: any) => ({ ...MetricStat?.Metric, Stat: MetricStat?.Stat })),
    ])
    for (const { MetricName, MetricNamespace: Namespace } of counted)
      expect(sums.filter((each) => each.MetricName === MetricName)).toMatchObject([{ Namespace, Stat: 'Sum' }])
  })

  it('ring for commands that nobody takes, and not for one that fails until it is a dead letter', () => {
    const waiting = ours.filter(({ Properties }) => JSON.stringify(Properties.Metrics ?? '').includes('AgeOfOldest'))
    const [queue] = Object.values(resources(data, 'AWS::SQS::Queue')).filter(
      ({ Properties }) => Properties.FifoQueue && Properties.RedrivePolicy,
    )
    const failingSeconds = queue!.Properties.VisibilityTimeout * queue!.Properties.RedrivePolicy.maxReceiveCount
    expect(waiting).toHaveLength(2)
    for (const { Properties } of waiting) expect(Properties.Threshold).toBeGreaterThan(failingSeconds)
  })

  it('may publish to their topic, as may failed deployments and nobody else', () => {
    const { Statement } = only(data, 'AWS::SNS::TopicPolicy').Properties.PolicyDocument
    type Allowed = { Effect: string; Principal: { Service: string } }
    const allowed: Allowed[] = Statement.filter(({ Effect }: Allowed) => Effect === 'Allow')
    const services = allowed.map(({ Principal }) => Principal.Service)
    expect(services.sort()).toEqual(['cloudwatch.amazonaws.com', 'events.amazonaws.com'])
    const topic = { Ref: expect.stringMatching(/^AlertsTopic/) }
    expect(allowed).toContainEqual(
      expect.objectContaining({
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Resource: topic,
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      }),
    )
    // A topic with a key would also need a key policy for them.
    expect(only(data, 'AWS::SNS::Topic').Properties.KmsMasterKeyId).toBeUndefined()
  })

  it('ring for every code that somebody must act on, whichever request or pairing ended with it', () => {
    const codes = errorCodes.filter((code) => errorSpec(code).level === 'error')
    const failed = ours.filter(({ Properties }) => Properties.MetricName === metricNames.pairingFailed)
    const watched = failed.map(({ Properties }) => Properties.Dimensions[0].Value)
    expect(watched).toEqual(expect.arrayContaining([...codes, 'INTERNAL']))
    for (const { Properties } of failed) expect(Properties).toMatchObject({ Namespace: 'Pairplane/prod', Period: 300 })
  })

  it.each([
    [256, 90],
    [1024, 90],
    [2048, 45],
  ] as const)('ring on %i CPU units when a host has used up the one core that a thread can use', (cpu, threshold) => {
    const { socketHost } = synthesize('prod', (stage) => ({ ...stage, hosts: { ...stage.hosts, cpu } }))
    socketHost.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'CPUUtilization',
      Statistic: 'Maximum',
      Threshold: threshold,
    })
  })

  it('go by mail to whom the stage names', () => {
    const { data: mailed } = synthesize('dev', (stage) => ({ ...stage, alarmEmail: 'on-call@shop.example' }))
    mailed.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'on-call@shop.example' })
  })
})

describe('the dashboard', () => {
  it('has a name of its own in each region, since names are global in an account', () => {
    expect(only(prod.monitoring, 'AWS::CloudWatch::Dashboard').Properties.DashboardName).toEqual({
      'Fn::Join': ['', ['pairplane-prod-', { Ref: 'AWS::Region' }]],
    })
    expect(runbook).toContain('`pairplane-<stage>-<region>`')
  })
})

describe('the runbook', () => {
  it('links to headings that it has', () => {
    const all = [...runbook.matchAll(/^## (.+)$/gm)].map(([, text]) => anchorOf(text!))
    const anchors = [...runbook.matchAll(/\]\(#([a-z-]+)\)/g)].map(([, anchor]) => anchor)
    expect(all).toEqual(expect.arrayContaining(anchors))
  })
})

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z -]/g, '')
    .replaceAll(' ', '-')
