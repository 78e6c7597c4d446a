import test from 'ava'
import { checkDemo } from './check-demo.ts'

test('the demo shows everything that it claims, on the embedded registry', async () => {
  await checkDemo([])
})
