import { expect, test } from 'vitest'
import { readable } from '../../local/log-lines.ts'

test.each([
  ['plain text', 'info', 'plain text'],
  [
    '{"time":"t","level":"info","message":"lease acquired","component":"socket-host","hostId":"h","shard":3}',
    'info',
    'lease acquired shard=3',
  ],
  ['{"time":"t","level":"warn","message":"slow","correlationId":"c","ms":[1,2]}', 'warn', 'slow ms=[1,2]'],
  [
    '{"level":"ERROR","message":"Invoke Error","errorType":"TypeError","errorMessage":"x is y","stack":["TypeError: x is y","    at f (a.mjs:1:2)"]}',
    'error',
    'Invoke Error\n    TypeError: x is y\n    at f (a.mjs:1:2)',
  ],
  [
    '{"level":"error","message":"failed","error":{"name":"Error","message":"why","stack":"Error: why\\n    at g (b.mjs:3:4)"}}',
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
