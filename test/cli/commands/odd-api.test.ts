import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { controlPlane, temporaryFolder } from '../../integration/control-plane/fixture.ts'
import { runCli } from '../../support/run-cli.ts'

/** Something that listens where the control plane should; answers its URL. */
async function listening(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A listener that answers everything with one body. */
const answering = (status: number, body: string) => listening((_, response) => response.writeHead(status).end(body))

const COMMANDS: readonly (readonly string[])[] = [
  ['get', 'all'],
  ['get', 'services'],
  ['delete', 'svc', 'orders'],
  ['apply', '-f', '-'],
  ['validate', '-f', '-'],
  ['explain', 'GET', 'http://orders/', '--from', 'web'],
]

for (const args of COMMANDS) {
  test.serial(`${args.join(' ')}: without a control plane it says so, and how to have one, with code 69`, async () => {
    const { code, stdout, stderr } = await runCli(args, { input: '{}', env: { OUTRIGGER_API: 'http://127.0.0.1:1' } })
    assert.deepEqual([code, stdout], [69, ''])
    assert.match(
      stderr,
      /^outrigger: Cannot reach the control plane at http:\/\/127\.0\.0\.1:1: ECONNREFUSED\. Start one/,
    )
    assert.equal(stderr.trimEnd().split('\n').length, 1)
  })
}

test.serial('a control plane that breaks off is one that can not be reached', async () => {
  await using api = await listening((request) => request.socket.destroy())
  const { code, stderr } = await runCli(['get', 'all', '--api', api.api])
  assert.equal(code, 69)
  assert.match(stderr, /Cannot reach the control plane at http:\/\/127\.0\.0\.1:\d+: ECONNRESET/)
})

test.serial('a server that is no control plane is told by what it answers', async () => {
  await using api = await answering(404, '<html>nothing here</html>')
  const { code, stdout, stderr } = await runCli(['get', 'all', '--api', api.api])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(
    stderr,
    /^outrigger: GET \/v1\/manifests\? of http:\/\/127\.0\.0\.1:\d+ was answered with 404, and not as an/,
  )
  assert.match(stderr, /another program's port\? It said: <html>nothing here<\/html>\n$/)
})

test.serial('a refusal is told with where, what and what would be right', async () => {
  const error = { what: 'the registry is away', where: 'registry', allowed: 'try again' }
  await using api = await answering(503, JSON.stringify({ error }))
  const { code, stderr } = await runCli(['get', 'all', '--api', api.api])
  assert.deepEqual([code, stderr], [1, 'outrigger: registry: the registry is away; allowed: try again\n'])
})

test.serial('get shows the first condition of a manifest that does not hold', async () => {
  const condition = (type: string, status: string, message: string) => ({ type, status, message })
  const conditions = [condition('Accepted', 'True', 'fine'), condition('Programmed', 'False', 'shop/web refused it')]
  const items = [{ kind: 'HTTPRoute', metadata: { name: 'orders', namespace: 'shop' }, status: { conditions } }]
  await using api = await answering(200, JSON.stringify({ items }))
  const { stdout } = await runCli(['get', 'httproute', '--api', api.api])
  assert.equal(stdout.split('\n')[1], 'HTTPRoute   shop        orders   Programmed: shop/web refused it')
})

test.serial('where the API asks for a token it is read from a file, without the line break at its end', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path, { adminToken: 'secret' })
  const env = { OUTRIGGER_API: `http://127.0.0.1:${plane.ports.api}` }
  const file = join(folder.path, 'token')
  await writeFile(file, 'secret\n')
  const good = await runCli(['get', 'all', '--admin-token-file', file], { env })
  assert.deepEqual(good, { code: 0, stdout: 'nothing found\n', stderr: '' })
  const byVariable = await runCli(['get', 'all'], { env: { ...env, OUTRIGGER_ADMIN_TOKEN_FILE: file } })
  assert.equal(byVariable.code, 0)
  await writeFile(file, 'wrong-word')
  for (const more of [[], ['--admin-token-file', file]]) {
    const { code, stdout, stderr } = await runCli(['get', 'all', ...more], { env })
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /token/)
    assert.doesNotMatch(stderr, /wrong-word/)
  }
})

test.serial('a token file that can not be read is named, with code 66', async () => {
  const { code, stderr } = await runCli(['get', 'all', '--admin-token-file', '/nowhere/token'])
  assert.deepEqual([code, stderr], [66, 'outrigger: Cannot read the admin token from /nowhere/token: ENOENT\n'])
})

// They end with a stack: the client speaks http: only, and says so by an exception.
for (const api of ['https://127.0.0.1:1', 'localhost:15011']) {
  test.serial(`an API of another scheme, ${api}, is a mistake in usage`, async () => {
    const { code, stderr } = await runCli(['get', 'all', '--api', api])
    assert.equal(code, 64)
    assert.doesNotMatch(stderr, /^ {4}at /m)
  })
}

test.serial('a token of two lines is named, not thrown', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'token')
  await writeFile(file, 'two\nlines')
  const { code } = await runCli(['get', 'all', '--api', 'http://127.0.0.1:1', '--admin-token-file', file])
  assert.equal(code, 66)
})

for (const args of [
  ['apply', '-f', '-'],
  ['delete', '-f', '-'],
  ['validate', '-f', '-'],
  ['validate', '--offline', '-f', '-'],
]) {
  test.serial(`${args.join(' ')}: a file that holds nothing is no success`, async () => {
    await using api = await answering(200, JSON.stringify({ results: [], warnings: [], count: 0 }))
    const env = args.includes('--offline') ? {} : { OUTRIGGER_API: api.api }
    const { code, stdout, stderr } = await runCli(args, { input: '# nothing\n', env })
    assert.deepEqual([code, stdout], [66, ''])
    assert.equal(stderr, 'outrigger: no manifest in (standard input): nothing was done\n')
  })
}
