/** Format of company ids (requirements, "Words"). */
export const companyIdFormat = /^[A-Za-z0-9_-]{1,64}$/
