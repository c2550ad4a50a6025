/** Client of API Gateway's management API: sends frames to connections and closes them. */
import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiClientConfig,
  ApiGatewayManagementApiServiceException,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { requestHandler } from '#shared/dynamo/document-client.ts'
import type { Log } from '#shared/telemetry/log.ts'

/** Result of a call. `gone`: there is no such connection. `failed`: the frame is lost, and the reason was logged. */
export type Posted = 'sent' | 'gone' | 'failed'

export type ConnectionsApi = {
  /** Sends one text frame. Retries after throttling and 5xx, for 5 s unless `signal` says otherwise. Does not throw. */
  post(connectionId: string, text: string, signal?: AbortSignal): Promise<Posted>
  /** Closes the connection. Does not throw. */
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
      // 403 is a missing permission, 400 and 413 are invalid frames: an operator has to act.
      const level = [400, 403, 413].includes(statusOf(error) ?? 0) ? 'error' : 'warn'
      log[level]('Call to the management API failed', { connectionId, status: statusOf(error), error })
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

/** Returns the HTTP status of the answer; undefined when there was none. */
function statusOf(error: unknown): number | undefined {
  return error instanceof ApiGatewayManagementApiServiceException ? error.$metadata.httpStatusCode : undefined
}
