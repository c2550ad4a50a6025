/**
 * Properties of API Gateway's resources. Properties that are not listed, such as mapping templates and VPC links, are
 * refused.
 */
import * as v from 'valibot'
import { flag, numeric, type PropertySpec } from './properties.ts'

const texts = v.optional(v.array(v.string()), [])
const ApiId = v.string()

const CorsConfiguration = v.strictObject({
  AllowOrigins: texts,
  AllowMethods: texts,
  AllowHeaders: texts,
  ExposeHeaders: texts,
  MaxAge: v.optional(numeric),
  AllowCredentials: v.optional(flag, false),
})

export const apiProperties = {
  used: {
    CorsConfiguration: v.optional(CorsConfiguration),
    ProtocolType: v.picklist(['HTTP', 'WEBSOCKET']),
    RouteSelectionExpression: v.optional(v.string(), '$request.method $request.path'),
  },
  inert: ['Description', 'DisableExecuteApiEndpoint', 'IpAddressType', 'Name', 'Tags'],
} as const satisfies PropertySpec<v.ObjectEntries>

export const stageProperties = {
  used: {
    ApiId,
    DefaultRouteSettings: v.optional(
      v.looseObject({ ThrottlingBurstLimit: v.optional(numeric), ThrottlingRateLimit: v.optional(numeric) }),
    ),
    StageName: v.string(),
  },
  inert: ['AccessLogSettings', 'AutoDeploy', 'DeploymentId', 'Description', 'Tags'],
} as const satisfies PropertySpec<v.ObjectEntries>

export const routeProperties = {
  used: {
    ApiId,
    AuthorizationType: v.optional(v.picklist(['NONE', 'CUSTOM']), 'NONE'),
    AuthorizerId: v.optional(v.string()),
    RouteKey: v.string(),
    RouteResponseSelectionExpression: v.optional(v.literal('$default')),
    Target: v.pipe(v.string(), v.startsWith('integrations/')),
  },
  inert: ['ApiKeyRequired', 'OperationName'],
} as const satisfies PropertySpec<v.ObjectEntries>

export const integrationProperties = {
  used: {
    ApiId,
    IntegrationType: v.literal('AWS_PROXY'),
    IntegrationUri: v.string(),
    IntegrationMethod: v.optional(v.literal('POST')),
    PayloadFormatVersion: v.optional(v.picklist(['1.0', '2.0'])),
    TimeoutInMillis: v.optional(numeric),
  },
  inert: ['CredentialsArn', 'Description'],
} as const satisfies PropertySpec<v.ObjectEntries>

export const authorizerProperties = {
  used: {
    ApiId,
    AuthorizerType: v.literal('REQUEST'),
    AuthorizerUri: v.string(),
    IdentitySource: texts,
  },
  inert: ['Name', 'AuthorizerCredentialsArn'],
} as const satisfies PropertySpec<v.ObjectEntries>

export const routeResponseProperties = {
  used: { ApiId, RouteId: v.string(), RouteResponseKey: v.literal('$default') },
  inert: [],
} as const satisfies PropertySpec<v.ObjectEntries>
