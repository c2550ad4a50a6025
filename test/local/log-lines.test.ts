import { expect, test } from 'vitest'
import { readable } from '../../local/log-lines.ts'

test.each([
  ['plain text', 'info', 'plain text'],
  ['{"level":30,"time":1,"pid":2,"hostname":"h","msg":"lease taken","shard":3}', 'info', 'lease taken shard=3'],
  ['{"level":"WARN","message":"slow","timestamp":"t","function_name":"f","ms":[1,2]}', 'warn', 'slow ms=[1,2]'],
  [
    '{"level":"ERROR","message":"Invoke Error","errorType":"TypeError","errorMessage":"x is y","stack":["TypeError: x is y","    at f (a.mjs:1:2)"]}',
    'error',
    'Invoke Error\n    TypeError: x is y\n    at f (a.mjs:1:2)',
  ],
  [
    '{"level":50,"msg":"failed","err":{"type":"Error","message":"why","stack":"Error: why\\n    at g (b.mjs:3:4)"}}',
    'error',
    'failed\n    Error: why\n    at g (b.mjs:3:4)',
  ],
  [
    '{"level":"ERROR","message":"Invoke Error","errorType":"Error","errorMessage":"Unauthorized","stack":["at f"]}',
    'error',
    'Invoke Error\n    Unauthorized',
  ],
])('%s', (line, level, text) => {
  expect(readable(line)).toEqual({ level, text })
})

test('metrics and empty lines are not shown', () => {
  expect(readable('{"_aws":{"Timestamp":1},"count":1}')).toBeUndefined()
  expect(readable(' ')).toBeUndefined()
})
