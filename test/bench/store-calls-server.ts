/** A process that answers each of DynamoDB's operations at once, with an item of a kilobyte where one is asked for. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { crc32 } from 'node:zlib'
import { listen } from '../../local/services/listen.ts'

const item = {
  pk: { S: 'COMPANY#bench' },
  sk: { S: 'STATE' },
  ep: { N: '7' },
  data: { B: randomBytes(1_000).toString('base64') },
}
const answers: Readonly<Record<string, object>> = {
  GetItem: { Item: item },
  BatchGetItem: { Responses: { table: [item] }, UnprocessedKeys: {} },
}
const server = createServer((request, response) => {
  const body = JSON.stringify(answers[String(request.headers['x-amz-target']).replace(/^.*\./, '')] ?? {})
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-crc32': String(crc32(body)) }
  request.resume().on('end', () => response.writeHead(200, headers).end(body))
})
console.log(`ready url=${await listen(server)}`)
process.on('SIGINT', () => process.exit(0))
