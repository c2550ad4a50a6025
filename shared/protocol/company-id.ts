/** The name of a tenant. A file of its own: the authorizer needs it, and must stay small. */
import * as v from 'valibot'
import { companyIdFormat } from '#shared/domain/values/company-id.ts'

export const CompanyId = v.pipe(
  v.string('companyId must be a string'),
  v.regex(companyIdFormat, 'companyId must have 1 to 64 letters, digits, _ or -'),
)
