/** Signatures, compared with those of AWS's own signer. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Identity, signer } from '#shared/dynamo/light/signature.ts'

/** The hash that AWS's signer asks for. */
class Sha256 {
  readonly #hash: Hash | Hmac
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string)
  }
  update(data: string | Uint8Array) {
    this.#hash.update(data)
  }
  reset() {}
  async digest() {
    return new Uint8Array(this.#hash.digest())
  }
}

type Request = { readonly url: string; readonly body: string; readonly at: number; readonly identity: Identity }

async function signedByAws({ url, body, at, identity }: Request, region: string) {
  const aws = new SignatureV4({
    ...{ service: 'dynamodb', region, credentials: identity as never, sha256: Sha256 as never },
    // It would only add a header with the hash of the body, which is signed in any case.
    applyChecksum: false,
  })
  const { protocol, hostname, host, port, pathname: path } = new URL(url)
  const headers = { host, 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target }
  const parts = { method: 'POST', protocol, hostname, path, headers, body, query: {} }
  const request = port === '' ? parts : { ...parts, port: Number(port) }
  const signed = await aws.sign(request, { signingDate: new Date(at) })
  return signed.headers
}

const target = 'DynamoDB_20120810.GetItem'

const word = fc.stringMatching(/^[!-~]{1,40}$/)
const identity = fc.record(
  { accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/), secretAccessKey: word, sessionToken: word },
  { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
)
const requests = fc.array(
  fc.record({
    url: fc.constantFrom(
      'https://dynamodb.eu-central-1.amazonaws.com/',
      'http://127.0.0.1:8000/',
      'http://a.b:80/x%20y/',
    ),
    body: fc.string({ unit: 'binary' }),
    at: fc.constantFrom(0, 86_399_999, 86_400_000, 1_800_000_000_123),
    identity,
  }),
  { minLength: 1, maxLength: 4 },
)

test('requests of any identities and days are signed as AWS signs them', async () => {
  await fc.assert(
    fc.asyncProperty(requests, fc.constantFrom('eu-central-1', 'us-east-1'), async (all, region) => {
      // One signer for all: it keeps a key between them.
      const sign = signer(region)
      for (const request of all) {
        const { url, body, at, identity } = request
        const ours = sign({ endpoint: new URL(url), target, body, at }, identity)
        const theirs = await signedByAws(request, region)
        expect(ours['authorization']).toBe(theirs['authorization'])
        expect(ours['x-amz-date']).toBe(theirs['x-amz-date'])
        expect(ours['x-amz-security-token']).toBe(identity.sessionToken)
      }
    }),
    { numRuns: 50 },
  )
})
