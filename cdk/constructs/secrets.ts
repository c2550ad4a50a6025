import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as kms from 'aws-cdk-lib/aws-kms'
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

export type SecretsProps = { readonly retainData: boolean }

/** The key that wraps the data keys of credentials, and two generated secrets. */
export class Secrets extends Construct {
  /** Wraps one data key per generation of credentials (R14). */
  readonly credentialsKey: kms.Key
  /** Signs tokens with HS256 where no JWKS URL is set (R30). */
  readonly token: secretsmanager.Secret
  /** Keys the hash under which a phone's budget of codes is kept (R24). */
  readonly phoneHash: secretsmanager.Secret

  constructor(scope: Construct, id: string, { retainData }: SecretsProps) {
    super(scope, id)
    const removalPolicy = retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
    this.credentialsKey = new kms.Key(this, 'CredentialsKey', {
      description: 'Pairplane: wraps the data keys of WhatsApp credentials',
      enableKeyRotation: true,
      pendingWindow: Duration.days(retainData ? 30 : 7),
      removalPolicy,
    })
    this.token = generatedSecret(this, 'TokenSecret', 'Pairplane: signs client and admin tokens (HS256)', removalPolicy)
    this.phoneHash = generatedSecret(this, 'PhoneHashSecret', 'Pairplane: keys the hash of phones', removalPolicy)
    acknowledge(this.token, {
      'AwsSolutions-SMG4':
        'The signer of the tokens must change at the same time: rotated by hand, as docs/operations.md says',
    })
    acknowledge(this.phoneHash, {
      'AwsSolutions-SMG4':
        'A new key would reset every phone’s budget of codes, which protects the phone from being blocked by WhatsApp',
    })
  }
}

/** Adds a secret of 64 letters and digits: about 380 bits, more than the 256 that HS256 requires. */
function generatedSecret(scope: Construct, id: string, description: string, removalPolicy: RemovalPolicy) {
  return new secretsmanager.Secret(scope, id, {
    description,
    generateSecretString: { passwordLength: 64, excludePunctuation: true },
    removalPolicy,
  })
}
