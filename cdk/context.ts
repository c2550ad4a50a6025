import cdkJson from '../cdk.json' with { type: 'json' }

/**
 * The context that the CDK's command line would give an app, for synthesizing without it: the flags of cdk.json, and the
 * options that write construct paths and asset folders into the templates' metadata, where the local run looks for them.
 */
export const context: Readonly<Record<string, unknown>> = {
  ...cdkJson.context,
  'aws:cdk:enable-asset-metadata': true,
  'aws:cdk:enable-path-metadata': true,
}
