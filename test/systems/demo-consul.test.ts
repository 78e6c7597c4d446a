import test from 'ava'
import { isConsulInstalled } from '../support/consul-agent.ts'
import { checkDemo } from './check-demo.ts'

const onConsul = isConsulInstalled('the demo on a real Consul agent') ? test : test.skip

onConsul('the demo shows everything that it claims, on a real Consul agent', async () => {
  await checkDemo(['--registry', 'consul'])
})
