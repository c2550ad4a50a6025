/** API Gateway's management API: frames to connections, and their end. */
import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiClientConfig,
  ApiGatewayManagementApiServiceException,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { requestHandler } from '#shared/dynamo/document-client.ts'
import type { Log } from '#shared/telemetry/log.ts'

/** `failed`: this frame is lost, and it has been logged why. */
export type Posted = 'sent' | 'gone' | 'failed'

export type ConnectionsApi = {
  /** Sends one text frame; throttling and 5xx are tried again for a moment. Never throws for a client or for AWS. */
  post(connectionId: string, text: string, signal?: AbortSignal): Promise<Posted>
  /** Closes the connection; one that is gone is closed. */
  close(connectionId: string): Promise<Posted>
}

export type ConnectionsApiDeps = {
  /** The stage's management endpoint, e.g. `https://id.execute-api.region.amazonaws.com/prod`. */
  readonly callbackUrl: string
  readonly log: Log
  readonly config?: ApiGatewayManagementApiClientConfig
}

const callWithinMs = 5_000

export function connectionsApi({ callbackUrl, log, config }: ConnectionsApiDeps): ConnectionsApi {
  const client = new ApiGatewayManagementApiClient({
    endpoint: callbackUrl,
    maxAttempts: 4,
    requestHandler: requestHandler(),
    ...config,
  })
  const outcome = async (connectionId: string, call: Promise<unknown>): Promise<Posted> => {
    try {
      await call
      return 'sent'
    } catch (error) {
      if (statusOf(error) === 410) return 'gone'
      // 403 is a missing permission, 413 a frame that we should not have made: somebody has to act.
      const level = [400, 403, 413].includes(statusOf(error) ?? 0) ? 'error' : 'warn'
      log[level]('API Gateway has not taken a frame', { connectionId, status: statusOf(error), error })
      return 'failed'
    }
  }
  return {
    post: (ConnectionId, text, signal) => {
      const command = new PostToConnectionCommand({ ConnectionId, Data: new TextEncoder().encode(text) })
      return outcome(ConnectionId, client.send(command, { abortSignal: signal ?? AbortSignal.timeout(callWithinMs) }))
    },
    close: (ConnectionId) => {
      const command = new DeleteConnectionCommand({ ConnectionId })
      return outcome(ConnectionId, client.send(command, { abortSignal: AbortSignal.timeout(callWithinMs) }))
    },
  }
}

/** The HTTP status that an error was answered with; undefined when there was no answer. */
function statusOf(error: unknown): number | undefined {
  return error instanceof ApiGatewayManagementApiServiceException ? error.$metadata.httpStatusCode : undefined
}
