/** AWS's other services as the local run has them, for the adapters' tests. */
import { startAwsJson } from '../../../local/services/aws-json.ts'
import { kmsOperations } from '../../../local/services/kms.ts'
import { secretsOperations } from '../../../local/services/secrets.ts'

export const account = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }

/** KMS and Secrets Manager on one loopback port. */
export const startKeysAndSecrets = () =>
  startAwsJson({ ...kmsOperations(undefined), ...secretsOperations(undefined) }, () => undefined)
