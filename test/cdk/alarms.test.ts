import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tokenCheckFailed } from '#shared/metric-names.ts'
import { resources, synthesize } from './synthesize.ts'

const templates = Object.values(synthesize('prod'))
const alarms = templates.flatMap((template) => Object.values(resources(template, 'AWS::CloudWatch::Alarm')))
// The rest drive the scaling and call nobody.
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
    expect(ours.filter(({ Properties }) => Properties.MetricName === 'Errors')).toHaveLength(9)
    for (let shard = 0; shard < 16; shard++) expect(text).toMatch(new RegExp(`CommandsShard${shard}[0-9A-F]{8}`))
    expect(text).toContain('TablesControl')
    expect(text).toContain('TablesCredentials')
  })

  it('do not ring for bad tokens: of the authorizer only what it logs as a failure counts', () => {
    const filter = templates.flatMap((each) => Object.values(resources(each, 'AWS::Logs::MetricFilter')))[0]!
    expect(filter.Properties.FilterPattern).toContain(`"${tokenCheckFailed}"`)
    const [{ MetricName, MetricNamespace: Namespace }] = filter.Properties.MetricTransformations
    expect(ours.filter(({ Properties }) => Properties.MetricName === MetricName)).toMatchObject([
      { Properties: { Namespace, Statistic: 'Sum', Threshold: 3 } },
    ])
  })

  it('go by mail to whom the stage names', () => {
    const { data } = synthesize('dev', (stage) => ({ ...stage, alarmEmail: 'on-call@shop.example' }))
    data.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'on-call@shop.example' })
  })
})

describe('the runbook', () => {
  it('links to headings that it has', () => {
    const anchors = [...runbook.matchAll(/\]\(#([a-z-]+)\)/g)].map(([, anchor]) => anchor)
    expect(headings).toEqual(expect.arrayContaining(anchors))
  })
})
