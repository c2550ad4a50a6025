/** The name of a tenant. A file of its own: the authorizer needs it, and must stay small. */
import * as v from 'valibot'

export const CompanyId = v.pipe(
  v.string('companyId must be a string'),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'companyId must have 1 to 64 letters, digits, _ or -'),
)
