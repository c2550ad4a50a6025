/**
 * The account and Region that the local run pretends to be: the ones that local engines use by default. It names functions,
 * APIs and containers with them, which are its own; what lives in an engine has the account that the engine says.
 */
export const account = '000000000000'
export const region = 'us-east-1'
export const partition = 'aws'
export const urlSuffix = 'amazonaws.com'

/** Credentials that sign requests to local engines and open nothing else. */
export const credentials = { accessKeyId: 'local', secretAccessKey: 'local' } as const
