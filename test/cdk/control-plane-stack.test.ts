import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { AuthorizerEnv, ControlPlaneEnv, HealthEnv } from '#shared/config/env.ts'
import { type FunctionName, functions, httpRoutes, type TableRight, webSocketRoutes } from '../../functions/routes.ts'
import {
  itemPermissions,
  only,
  pathOf,
  permissions,
  prodShards,
  type Resource,
  resources,
  synthesize,
} from './synthesize.ts'

const { controlPlane } = synthesize('prod')
const names = Object.keys(functions) as FunctionName[]

const titled = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)
const functionEntries = Object.entries(resources(controlPlane, 'AWS::Lambda::Function'))
const functionOf = (name: string) =>
  functionEntries.find(([, resource]) => pathOf(resource) === `Functions/${titled(name)}/Function/Resource`)!
const allowed = (name: string) => permissions(controlPlane, `Functions/${titled(name)}/Role/`)

/** Returns the function of each route key in the template. */
function routed(protocol: string): Record<string, Resource & { readonly handler: string }> {
  const [api] = Object.entries(resources(controlPlane, 'AWS::ApiGatewayV2::Api')).find(
    ([, resource]) => resource.Properties.ProtocolType === protocol,
  )!
  const routes = Object.values(resources(controlPlane, 'AWS::ApiGatewayV2::Route')).filter(
    (route) => route.Properties.ApiId.Ref === api,
  )
  return Object.fromEntries(
    routes.map((route) => {
      const integration = route.Properties.Target['Fn::Join'][1][1].Ref
      const uri = resources(controlPlane, 'AWS::ApiGatewayV2::Integration')[integration]!.Properties.IntegrationUri
      const handler = functionEntries.find(([id]) => JSON.stringify(uri).includes(`"${id}"`))!
      return [route.Properties.RouteKey, { ...route, handler: pathOf(handler[1]).split('/')[1]! }]
    }),
  )
}

describe('the WebSocket API', () => {
  const routes = routed('WEBSOCKET')

  it('serves every route with its function', () => {
    const expected = Object.fromEntries(Object.entries(webSocketRoutes).map(([key, name]) => [key, titled(name)]))
    expect(Object.fromEntries(Object.entries(routes).map(([key, route]) => [key, route.handler]))).toEqual(expected)
  })

  it('answers every message, whatever its action, with what the function returns', () => {
    expect(Object.keys(routes).filter((key) => !['$connect', '$disconnect'].includes(key))).toEqual(['$default'])
    expect(only(controlPlane, 'AWS::ApiGatewayV2::RouteResponse').Properties.RouteResponseKey).toBe('$default')
    expect(routes['$default']!.Properties.RouteResponseSelectionExpression).toBe('$default')
  })

  it('lets in only whom the authorizer lets in, whichever way the token comes', () => {
    expect(routes['$connect']!.Properties.AuthorizationType).toBe('CUSTOM')
    expect(only(controlPlane, 'AWS::ApiGatewayV2::Authorizer').Properties).toMatchObject({
      AuthorizerType: 'REQUEST',
      IdentitySource: [],
    })
  })

  it('logs neither query strings nor headers, which carry tokens', () => {
    for (const stage of Object.values(resources(controlPlane, 'AWS::ApiGatewayV2::Stage'))) {
      expect(stage.Properties.AccessLogSettings.Format).not.toMatch(
        /quer|header|path|\$context\.authorizer\.(?!error)/i,
      )
      expect(stage.Properties.DefaultRouteSettings.ThrottlingRateLimit).toBeGreaterThan(0)
    }
  })
})

describe('the HTTP API', () => {
  it('serves every route with its function', () => {
    const expected = Object.fromEntries(Object.entries(httpRoutes).map(([key, name]) => [key, titled(name)]))
    const served = Object.entries(routed('HTTP')).map(([key, route]) => [key, route.handler])
    expect(Object.fromEntries(served)).toEqual(expected)
  })

  it('has an address to which paths can be added', () => {
    const [api] = Object.entries(resources(controlPlane, 'AWS::ApiGatewayV2::Api')).find(
      ([, { Properties }]) => Properties.ProtocolType === 'HTTP',
    )!
    // API Gateway's own address has no trailing slash.
    expect(controlPlane.findOutputs('HttpUrl')['HttpUrl']?.['Value']).toEqual({ 'Fn::GetAtt': [api, 'ApiEndpoint'] })
  })

  it('answers pages of the allowed origins only', () => {
    const { controlPlane: asked } = synthesize('dev', (stage) => ({
      ...stage,
      allowedOrigins: ['https://shop.example'],
    }))
    asked.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      ProtocolType: 'HTTP',
      CorsConfiguration: { AllowOrigins: ['https://shop.example'] },
    })
  })
})

describe('a function', () => {
  it.each(names)('%s has what the environment schema asks for, and nothing else', (name) => {
    const { NODE_OPTIONS, ...variables } = functionOf(name)[1].Properties.Environment.Variables
    expect(NODE_OPTIONS).toBe('--enable-source-maps')
    const schema = { authorizer: AuthorizerEnv, health: HealthEnv }[name as string] ?? ControlPlaneEnv
    const known: string[] = Object.keys(schema.entries)
    expect(known).toEqual(expect.arrayContaining(Object.keys(variables)))
    const plain = Object.fromEntries(
      Object.entries(variables).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : 'a reference to shard-0.fifo',
      ]),
    )
    expect(v.safeParse(schema as v.GenericSchema, plain).issues).toBeUndefined()
  })

  it.each(names)('%s runs on Node 24 for ARM with a log group that ends', (name) => {
    const { Runtime, Architectures, LoggingConfig, Timeout, MemorySize } = functionOf(name)[1].Properties
    const { timeoutSeconds, memoryMb } = functions[name]
    expect({ Runtime, Architectures, Timeout, MemorySize }).toEqual({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Timeout: timeoutSeconds,
      MemorySize: memoryMb,
    })
    const logs = resources(controlPlane, 'AWS::Logs::LogGroup')[LoggingConfig.LogGroup.Ref]!
    expect(logs.Properties.RetentionInDays).toBe(90)
  })

  it('is told the URL of the first queue and the number of shards', () => {
    const { SHARD_0_QUEUE_URL, SHARDS } = functionOf('message')[1].Properties.Environment.Variables
    expect(SHARD_0_QUEUE_URL['Fn::ImportValue']).toMatch(/CommandsShard0[0-9A-F]{8}/)
    expect(SHARDS).toBe(String(prodShards))
  })
})

describe('least privilege', () => {
  it('keeps every function away from credentials and their key', () => {
    for (const name of names) expect(allowed(name).join('\n'), name).not.toMatch(/TablesCredentials|kms:/)
  })

  it.each(names)('%s gets the table access that routes.ts says', (name) => {
    const rights: readonly TableRight[] = functions[name].table
    const expected = rights.flatMap(({ partitions, actions }) =>
      partitions.flatMap((partition) => actions.map((action) => `dynamodb:${action} ${partition}`)),
    )
    const actual = itemPermissions(controlPlane, `Functions/${titled(name)}/Role/`, 'TablesControl')
    expect(actual).toEqual([...new Set(expected)].sort())
    for (const permission of allowed(name).filter((each) => each.startsWith('dynamodb:')))
      expect(permission).toContain('TablesControl')
  })

  it.each(names)('%s reads the secrets that routes.ts says', (name) => {
    const secrets = allowed(name).filter((permission) => permission.startsWith('secretsmanager:GetSecretValue'))
    const { readsTokenSecret, readsPhoneHashSecret } = functions[name]
    expect(secrets.some((permission) => permission.includes('TokenSecret'))).toBe(readsTokenSecret)
    expect(secrets.some((permission) => permission.includes('PhoneHashSecret'))).toBe(readsPhoneHashSecret)
  })

  it.each(names)('%s sends to the queues that routes.ts says', (name) => {
    const sends = allowed(name).filter((permission) => permission.startsWith('sqs:SendMessage'))
    expect(sends).toHaveLength(functions[name].sendsCommands ? prodShards + 1 : 0)
    const shards = sends.flatMap((permission) => permission.match(/:pairplane-prod-shard-(\d+)\.fifo"/)?.[1] ?? [])
    const expected = Array.from({ length: functions[name].sendsCommands ? prodShards : 0 }, (_, shard) => `${shard}`)
    expect(shards.sort()).toEqual(expected.sort())
  })

  it.each(names)('%s manages connections as routes.ts says', (name) => {
    const manages = allowed(name).filter((permission) => permission.startsWith('execute-api:ManageConnections'))
    const methods = manages.map((permission) => permission.match(/\/prod\/(\w+)\/@connections\/\*/)?.[1])
    expect(methods.sort()).toEqual(functions[name].pushes ? ['DELETE', 'POST'] : [])
  })

  it('names every resource', () => {
    for (const name of names) expect(allowed(name).join('\n'), name).not.toMatch(/on "\*"|Scan|:\*/)
  })
})

describe('the watchdog', () => {
  it('takes up to ten messages, and gives back those that failed', () => {
    expect(only(controlPlane, 'AWS::Lambda::EventSourceMapping').Properties).toMatchObject({
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      FunctionName: { Ref: functionOf('watchdog')[0] },
    })
  })
})

describe('with a JWKS URL', () => {
  const { controlPlane: asymmetric } = synthesize('prod', (stage) => ({
    ...stage,
    tokens: { ...stage.tokens, jwksUrl: 'https://id.example/jwks.json' },
  }))

  it('no function reads the token secret', () => {
    const policies = JSON.stringify(resources(asymmetric, 'AWS::IAM::Policy'))
    expect(policies).not.toContain('TokenSecret')
    expect(policies).toContain('PhoneHashSecret')
  })
})

describe('with a domain', () => {
  const domain = {
    webSocket: 'ws.shop.example',
    http: 'api.shop.example',
    certificateArn: 'arn:aws:acm:eu-central-1:111111111111:certificate/abc',
  }
  const { controlPlane: named } = synthesize('prod', (stage) => ({ ...stage, domain }))

  it('the outputs name it, while pushes go to the stage itself', () => {
    expect(named.findOutputs('WebSocketUrl')['WebSocketUrl']?.['Value']).toBe('wss://ws.shop.example')
    expect(named.findOutputs('HttpUrl')['HttpUrl']?.['Value']).toBe('https://api.shop.example')
    named.resourceCountIs('AWS::ApiGatewayV2::ApiMapping', 2)
    named.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: { CALLBACK_URL: { 'Fn::Join': ['', ['https://', {}, '.execute-api.', {}, '.', {}, '/prod']] } },
      },
    })
  })
})
