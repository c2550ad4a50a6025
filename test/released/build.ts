/**
 * All that functions and hosts do with the state of a company, as one build does it: reading, deciding, choosing the
 * next step, and showing. `freeze.ts` keeps a copy of it at each release (R49a).
 */

export { acceptAttempt, rejectBusy, restartPairing } from '#shared/domain/attempt/acceptance.ts'
export { endAttempt } from '#shared/domain/attempt/attempt-end.ts'
export { nextDeadline, timeOut } from '#shared/domain/attempt/deadlines.ts'
export { commitLink, prepareLink } from '#shared/domain/attempt/link.ts'
export { cancelPairing, failAttempt, issueCode, phoneAnswered, requestPairing } from '#shared/domain/attempt/pairing.ts'
export { swept, unlinkFinished } from '#shared/domain/company/cleanup.ts'
export { happeningsOf } from '#shared/domain/metrics/happenings.ts'
export { countsOf } from '#shared/domain/metrics/metrics.ts'
export { adoptCompany } from '#shared/domain/session/adoption.ts'
export { resetCredentials } from '#shared/domain/session/reset.ts'
export { sessionConnected, sessionEnded, sessionInterrupted } from '#shared/domain/session/session.ts'
export { parseState } from '#shared/dynamo/company/company-schema.ts'
export { statusMessage } from '#shared/protocol/server-messages.ts'
export { attemptBody, sessionBody } from '../../functions/http/views.ts'
export { nextStep, requeueAt } from '../../socket-host/company/next-step.ts'
