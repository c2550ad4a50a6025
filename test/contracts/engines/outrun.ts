/** A client whose updates all come too late. */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { decision, type Transition } from '#shared/domain/company/company.ts'

/** A rival's decision. */
export const raiseFence: Transition<void> = (state) => decision({ ...state, fence: state.fence + 1 }, undefined)

/** Lets `rival` write before each call of this command is sent, such as `UpdateItem`. Returns the client. */
export function outrun(
  client: DynamoDBDocumentClient,
  operation: string,
  rival: () => Promise<unknown>,
): DynamoDBDocumentClient {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if ('commandName' in context && context['commandName'] === `${operation}Command`) await rival()
      return next(args)
    },
    { step: 'build' },
  )
  return client
}
