import { CfnOutput } from 'aws-cdk-lib'
import { DomainName } from 'aws-cdk-lib/aws-apigatewayv2'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { Construct } from 'constructs'

export type CustomDomainProps = { readonly name: string; readonly certificateArn: string }

/** A custom domain for an API. Its DNS zone is managed elsewhere: an output has the name that the domain must point to. */
export class CustomDomain extends Construct {
  readonly domainName: DomainName

  constructor(scope: Construct, id: string, { name, certificateArn }: CustomDomainProps) {
    super(scope, id)
    this.domainName = new DomainName(this, 'Name', {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
    })
    new CfnOutput(this, 'Target', {
      value: this.domainName.regionalDomainName,
      description: `Make ${name} a CNAME of this name`,
    })
  }
}
