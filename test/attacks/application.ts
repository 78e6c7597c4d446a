import { createServer, type RequestListener } from 'node:http'
import { PATHS } from './hostile-blocks.ts'

const LARGE = Buffer.alloc(8 * 1024 * 1024, 'outrigger ')
const PAGE_BYTES = 200 * 1024
const COOKIE = `c=${'v'.repeat(4_000)}`
const SMALL = Buffer.from('{"what":"an answer as small as most of them are, and as good"}\n')

/** The application behind the sidecars: what is attacked there is the sidecars' patience with it. */
export const answer: RequestListener = (request, response) => {
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  switch (request.url) {
    case PATHS.large:
      request.resume()
      response.writeHead(200, { 'content-length': LARGE.length }).end(LARGE)
      return
    case PATHS.page:
      request.resume()
      response.writeHead(200, { 'content-length': PAGE_BYTES }).end(LARGE.subarray(0, PAGE_BYTES))
      return
    case PATHS.unread:
      request.pause()
      return
    case PATHS.cookie:
      request.resume()
      response.writeHead(204, { 'set-cookie': COOKIE }).end()
      return
    case PATHS.silent:
      request.resume()
      return
    default:
      request.resume()
      request.on('end', () => response.writeHead(200, { 'content-length': SMALL.length }).end(SMALL))
  }
}

/** As a process: says its port, and ends with who started it. */
if (process.send !== undefined && process.argv[1]?.endsWith('application.ts') === true) {
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, answer)
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
    const address = server.address()
    process.send?.(typeof address === 'object' ? address?.port : 0)
  })
  process.on('disconnect', () => process.exit())
}
