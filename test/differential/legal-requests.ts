/** A request that any proxy passes on, and how its application answers. */
export interface LegalRequest {
  readonly name: string
  readonly octets: string
  readonly answer: string
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const head = (line: string, fields = ''): string =>
  `${line} HTTP/1.1\r\nHost: orders\r\n${fields}Connection: close\r\n\r\n`

/** What is sent through both proxies. */
export const LEGAL_REQUESTS: readonly LegalRequest[] = [
  {
    name: 'GET',
    octets: head(
      'GET /a?b=c&d',
      'X-Last: 1\r\nAccept: */*\r\nX-Own: two words\r\nAccept-Language: de, en;q=0.5\r\nX-First: A b\r\n',
    ),
    answer: OK,
  },
  {
    name: 'POST with a length',
    octets: `${head('POST /a', 'Content-Length: 5\r\nContent-Type: text/plain\r\n')}hello`,
    answer: OK,
  },
  { name: 'POST with length 0', octets: head('POST /a', 'Content-Length: 0\r\n'), answer: OK },
  {
    name: 'POST in chunks with trailers',
    octets: `${head('POST /a', 'Transfer-Encoding: chunked\r\nTrailer: x-sum\r\nTE: trailers\r\n')}5;x=y\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n`,
    answer: OK,
  },
  {
    name: 'HEAD',
    octets: head('HEAD /a'),
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 500\r\nx-own: y\r\n\r\n',
  },
  { name: 'answered 204', octets: head('DELETE /a'), answer: 'HTTP/1.1 204 No Content\r\nx-own: y\r\n\r\n' },
  {
    name: 'answered 304',
    octets: head('GET /a', 'If-None-Match: "x"\r\n'),
    answer: 'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n',
  },
  {
    name: '100-continue',
    octets: `${head('PUT /a', 'Expect: 100-continue\r\nContent-Length: 5\r\n')}hello`,
    answer: OK,
  },
  { name: 'long fields', octets: head('GET /a', `X-Long: ${'y'.repeat(12_000)}\r\n`), answer: OK },
  {
    name: 'fields that come twice',
    octets: head('GET /a', 'X-Own: a\r\nCookie: a=b\r\nx-own: b\r\nCookie: c=d\r\n'),
    answer: OK,
  },
  {
    name: 'answered with fields that come twice',
    octets: head('GET /a'),
    answer:
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=1; Path=/\r\nx-own: a\r\nvary: accept\r\nset-cookie: b=2\r\nx-own: b\r\n\r\nok',
  },
  {
    name: 'answered in chunks with trailers',
    octets: head('GET /a', 'TE: trailers\r\n'),
    answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n',
  },
  {
    name: 'fields of the connection',
    octets: head('GET /a', 'Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n'),
    answer: OK,
  },
]
