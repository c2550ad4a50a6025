/** How companies are called (requirements section 1). */
export const companyIdFormat = /^[A-Za-z0-9_-]{1,64}$/
