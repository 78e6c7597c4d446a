import { readFileSync } from 'node:fs'
import {
  createServer,
  Agent as HttpAgent,
  type IncomingMessage,
  request as plainRequest,
  type RequestListener,
  type RequestOptions,
} from 'node:http'
import { createServer as createSecureServer, Agent as HttpsAgent, request as secureRequest } from 'node:https'
import http2Proxy from 'http2-proxy'
import { BACK_NAME } from '../certificates.ts'

/*
 * One proxy of two, on node:http, node:https and `http2-proxy`, with keep-alive agents. Its only argument is a file with
 * its options. Nothing here is tuned: it is what the documentation of these modules leads to.
 */

interface TlsFileNames {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

/** What one process is told. */
export interface ProxyOptions {
  readonly listenPort: number
  readonly targetPort: number
  /** Given beside the caller: the next hop is the other proxy, over mutual TLS. */
  readonly towardsPeer?: TlsFileNames
  /** Given beside the callee: callers come over mutual TLS. */
  readonly fromPeer?: TlsFileNames
}

const read = ({ caFile, certFile, keyFile }: TlsFileNames) => ({
  ca: readFileSync(caFile),
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
  minVersion: 'TLSv1.3' as const,
})

function start({ listenPort, targetPort, towardsPeer, fromPeer }: ProxyOptions): void {
  const target = { hostname: '127.0.0.1', port: targetPort }
  const plainAgent = new HttpAgent({ keepAlive: true })
  const onReq =
    towardsPeer === undefined
      ? async (_: IncomingMessage, options: RequestOptions) => plainRequest({ ...options, agent: plainAgent })
      : withAgent(new HttpsAgent({ keepAlive: true, servername: BACK_NAME, ...read(towardsPeer) }))
  const onRequest: RequestListener = (incoming, response) => {
    http2Proxy.web(incoming, response, { ...target, onReq }, (error: Error | null) => {
      if (error === null) return
      if (!response.headersSent) response.statusCode = 502
      response.end()
    })
  }
  const server =
    fromPeer === undefined
      ? createServer(onRequest)
      : createSecureServer({ ...read(fromPeer), requestCert: true, rejectUnauthorized: true }, onRequest)
  server.listen(listenPort, '127.0.0.1')
}

const withAgent = (agent: HttpsAgent) => async (_: IncomingMessage, options: RequestOptions) =>
  secureRequest({ ...options, agent })

const [, , file = ''] = process.argv
start(JSON.parse(readFileSync(file, 'utf8')) as ProxyOptions)
