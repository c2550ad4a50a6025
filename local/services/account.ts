/** The account and Region that the local run pretends to be: the ones that local engines use by default. */
export const account = '000000000000'
export const region = 'us-east-1'
export const partition = 'aws'
export const urlSuffix = 'amazonaws.com'

/** Credentials that sign requests to local engines and open nothing else. */
export const credentials = { accessKeyId: 'local', secretAccessKey: 'local' } as const
