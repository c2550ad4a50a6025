/**
 * Account and Region of the local run: the defaults of local engines. They are part of the ARNs of functions, APIs and
 * containers. The ARNs of tables, queues, keys and secrets come from their engine, which may use another account.
 */
export const account = '000000000000'
export const region = 'us-east-1'
export const partition = 'aws'
export const urlSuffix = 'amazonaws.com'

/** Credentials for signing requests to local engines. They are valid nowhere else. */
export const credentials = { accessKeyId: 'local', secretAccessKey: 'local' } as const
