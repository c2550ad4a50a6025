import * as sqs from 'aws-cdk-lib/aws-sqs'
import { describe, expect, it } from 'vitest'
import { stages } from '../../cdk/stage.ts'
import { synthesizeChecked } from './synthesize.ts'

describe("AWS Solutions' and the serverless rules", () => {
  it.each(Object.keys(stages))('find nothing in %s that no construct has a reason for', (stage) => {
    expect(() => synthesizeChecked(stage)).not.toThrow()
  })

  it('find a planted fault', () => {
    const spoil = () => synthesizeChecked('dev', ({ data }) => void new sqs.Queue(data, 'Open'))
    expect(spoil).toThrow('AwsSolutions-SQS3')
  })
})
