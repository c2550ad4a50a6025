/** Minimal hand-made cloud assemblies for tests. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporary } from '../../support/temporary.ts'

type Resources = Record<string, { Type: string; Properties: object; Metadata?: object }>

/** A cloud: functions with their source, and further resources. */
export type TinyCloud = {
  /** Source of each function's `index.mjs`, by logical id. */
  functions: Record<string, { code: string; timeout?: number; variables?: Record<string, unknown>; role?: string }>
  resources?: Resources
  outputs?: Record<string, { Value: unknown; Export?: { Name: string } }>
}

/** Writes an assembly with one stack named `tiny`. */
export function writeAssembly(cloud: TinyCloud): string {
  const folder = temporary()
  const functions = Object.entries(cloud.functions).map(([id, { code, timeout = 3, variables = {}, role }]) => {
    mkdirSync(join(folder, `asset.${id}`))
    writeFileSync(join(folder, `asset.${id}`, 'index.mjs'), code)
    const Properties = {
      Code: { S3Bucket: 'assets', S3Key: `${id}.zip` },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Timeout: timeout,
      Environment: { Variables: variables },
      ...(role && { Role: { 'Fn::GetAtt': [role, 'Arn'] } }),
    }
    return [id, { Type: 'AWS::Lambda::Function', Properties, Metadata: { 'aws:asset:path': `asset.${id}` } }] as const
  })
  writeTemplate(folder, { Resources: { ...Object.fromEntries(functions), ...cloud.resources }, Outputs: cloud.outputs })
  return folder
}

/** Writes a template and the manifest that lists it. */
function writeTemplate(folder: string, template: object, stack = 'tiny'): void {
  const artifact = { type: 'aws:cloudformation:stack', properties: { templateFile: `${stack}.template.json` } }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ artifacts: { [stack]: artifact } }))
  writeFileSync(join(folder, `${stack}.template.json`), JSON.stringify(template))
}

const uriOf = (functionId: string) => ({
  'Fn::Join': [
    '',
    [
      'arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/',
      { 'Fn::GetAtt': [functionId, 'Arn'] },
      '/invocations',
    ],
  ],
})

/**
 * Returns a WebSocket API with the function of each route. Message routes have a route response unless they are in
 * `silent`.
 */
export function webSocketApi(
  routes: Record<string, string>,
  options: { authorizer?: string; identity?: string[]; silent?: string[] } = {},
): Resources {
  const ApiId = { Ref: 'Socket' }
  const entries = Object.entries(routes).flatMap(([RouteKey, functionId], index) => {
    const isMessage = RouteKey !== '$connect' && RouteKey !== '$disconnect'
    const responds = isMessage && !options.silent?.includes(RouteKey)
    const guarded = RouteKey === '$connect' && options.authorizer
    const route = {
      ...{ ApiId, RouteKey, Target: { 'Fn::Join': ['/', ['integrations', { Ref: `SocketIntegration${index}` }]] } },
      ...(responds && { RouteResponseSelectionExpression: '$default' }),
      ...(guarded && { AuthorizationType: 'CUSTOM', AuthorizerId: { Ref: 'SocketAuthorizer' } }),
    }
    const integration = { ApiId, IntegrationType: 'AWS_PROXY', IntegrationUri: uriOf(functionId) }
    const response = { ApiId, RouteId: { Ref: `SocketRoute${index}` }, RouteResponseKey: '$default' }
    return [
      [`SocketRoute${index}`, { Type: 'AWS::ApiGatewayV2::Route', Properties: route }],
      [`SocketIntegration${index}`, { Type: 'AWS::ApiGatewayV2::Integration', Properties: integration }],
      ...(responds
        ? [[`SocketResponse${index}`, { Type: 'AWS::ApiGatewayV2::RouteResponse', Properties: response }]]
        : []),
    ]
  })
  const authorizer = {
    ...{ ApiId, AuthorizerType: 'REQUEST', Name: 'authorizer' },
    ...{ AuthorizerUri: uriOf(options.authorizer ?? ''), IdentitySource: options.identity ?? [] },
  }
  return {
    Socket: {
      Type: 'AWS::ApiGatewayV2::Api',
      Properties: { ProtocolType: 'WEBSOCKET', RouteSelectionExpression: '$request.body.action' },
    },
    SocketStage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ApiId, StageName: 'dev' } },
    ...(options.authorizer && {
      SocketAuthorizer: { Type: 'AWS::ApiGatewayV2::Authorizer', Properties: authorizer },
    }),
    ...Object.fromEntries(entries),
  }
}

/** Returns an HTTP API with the function of each route. */
export function httpApi(
  routes: Record<string, string>,
  { api = {}, stage = {}, timeoutMs = 20_000 }: { api?: object; stage?: object; timeoutMs?: number } = {},
): Resources {
  const ApiId = { Ref: 'Http' }
  const entries = Object.entries(routes).flatMap(([RouteKey, functionId], index) => [
    [
      `HttpRoute${index}`,
      {
        Type: 'AWS::ApiGatewayV2::Route',
        Properties: {
          ApiId,
          RouteKey,
          Target: { 'Fn::Join': ['/', ['integrations', { Ref: `HttpIntegration${index}` }]] },
        },
      },
    ],
    [
      `HttpIntegration${index}`,
      {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: {
          ...{ ApiId, IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0', TimeoutInMillis: timeoutMs },
          IntegrationUri: { 'Fn::GetAtt': [functionId, 'Arn'] },
        },
      },
    ],
  ])
  return {
    Http: { Type: 'AWS::ApiGatewayV2::Api', Properties: { ProtocolType: 'HTTP', ...api } },
    HttpStage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ApiId, StageName: '$default', ...stage } },
    ...Object.fromEntries(entries),
  }
}
