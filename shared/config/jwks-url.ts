/** Form of the URL of the signing keys (R30). */

/**
 * Pattern of the URL of the signing keys: https, or http on the loopback, and no credentials. Whoever can change the
 * answer signs tokens for every company. It is a pattern because a parsed URL would take more of the authorizer's bytes.
 */
export const jwksUrlPattern = /^(https:\/\/[^/?#@\\\s]+|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?)(\/\S*)?$/
export const jwksUrlRule = 'Expected an https URL without credentials (http: loopback only)'
