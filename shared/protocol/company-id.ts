/** Schema of company ids. A file of its own, so that the authorizer's bundle stays small. */
import * as v from 'valibot'
import { companyIdFormat } from '#shared/domain/values/company-id.ts'

export const CompanyId = v.pipe(
  v.string('companyId must be a string'),
  v.regex(companyIdFormat, 'companyId must have 1 to 64 letters, digits, _ or -'),
)
