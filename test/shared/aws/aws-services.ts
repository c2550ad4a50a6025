/** The local run's stand-ins for AWS services other than DynamoDB, for tests of adapters. */
import { startAwsJson } from '../../../local/services/aws-json.ts'
import { kmsOperations } from '../../../local/services/kms.ts'
import { secretsOperations } from '../../../local/services/secrets.ts'

export const account = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }

/** KMS and Secrets Manager on one loopback port. */
export const startKeysAndSecrets = () =>
  startAwsJson({ ...kmsOperations(undefined), ...secretsOperations(undefined) }, () => undefined)
