/** Row of the table; what is sent; the octets; what the application's requests must show, and must not. */
export interface EditRow {
  readonly row: number
  readonly sent: string
  readonly octets: string
  readonly shows: readonly RegExp[]
  readonly hides?: RegExp
  /** Requests that the application sees; 1 when absent. */
  readonly count?: number
}

const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: orders\r\n${fields}\r\n`
const NEXT = get('/next')

/** A target, and the one form in which policy, routing and application see it. */
const PATHS: readonly (readonly [string, string])[] = [
  ['//a//b', '/a/b'],
  ['/./a', '/a'],
  ['/a/../b', '/b'],
  ['/a/%2e%2e/b', '/b'],
  ['/../../a', '/a'],
  ['/%61%2d%7E', '/a-~'],
  ['/a%2fb', '/a%2Fb'],
  ['/a%5cb', '/a%5Cb'],
  ['/a;b=c/d', '/a;b=c/d'],
  ['/a/.', '/a/'],
  ['/a?b=//..%2f', '/a?b=//..%2f'],
]

/** What callers may send, and what the mesh makes of it on its way. */
export const REQUEST_EDITS: readonly EditRow[] = [
  {
    row: 14,
    sent: 'absolute-form, with another Host',
    octets: 'GET http://orders/x?y HTTP/1.1\r\nHost: other\r\n\r\n',
    shows: [/^GET \/x\?y HTTP\/1\.1\r\nhost: orders\r\n/],
    hides: /other/,
  },
  {
    row: 18,
    sent: 'chunk extensions',
    octets:
      'POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: CHUNKED\r\n\r\n5;secret="a;b"\r\nhello\r\n0;secret\r\n\r\n',
    shows: [/hello/],
    hides: /secret/,
  },
  {
    row: 19,
    sent: 'trailers that frame, route or authenticate, and one that does not',
    octets:
      'POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 7\r\nTransfer-Encoding: gzip\r\nHost: evil\r\nAuthorization: evil\r\nCookie: evil\r\nX-Mesh-Attempt: evil\r\nX-Forwarded-Client-Cert: evil\r\nX-Sum: kept\r\n\r\n',
    shows: [/hi\r\n0\r\nx-sum: kept\r\n\r\n$/],
    hides: /evil|gzip|content-length/,
  },
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS'].map((method) => ({
    row: 20,
    sent: `${method} with a body, then another request`,
    octets: `${method} /first HTTP/1.1\r\nHost: orders\r\nContent-Length: 5\r\n\r\nhello${NEXT}`,
    shows: [
      new RegExp(`^${method} /first HTTP/1\\.1\r\n`),
      /\r\ncontent-length: 5\r\n/,
      /\r\n\r\nhelloGET \/next HTTP\/1\.1\r\n/,
    ],
    count: 2,
  })),
  {
    row: 24,
    sent: 'Connection that nominates a field of its own, and fields that end at each hop',
    octets: get(
      '/',
      'Connection: keep-alive, x-auth\r\nX-Auth: stripped\r\nKeep-Alive: stripped=5\r\nProxy-Connection: stripped\r\nTE: gzip\r\nX-Other: kept\r\n',
    ),
    shows: [/\r\nx-other: kept\r\n/],
    hides: /stripped|gzip/,
  },
  {
    row: 24,
    sent: 'Connection that nominates identity, routing and framing',
    octets: `POST / HTTP/1.1\r\nHost: orders\r\nConnection: host, authorization, content-length, x-forwarded-client-cert, cookie\r\nAuthorization: kept\r\nCookie: kept=1\r\nContent-Length: 2\r\n\r\nhi`,
    shows: [
      /^POST \/ HTTP\/1\.1\r\nhost: orders\r\n/,
      /\r\nauthorization: kept\r\n/,
      /\r\ncookie: kept=1\r\n/,
      /\r\nx-forwarded-client-cert: /,
      /\r\ncontent-length: 2\r\n/,
      /\r\n\r\nhi$/,
    ],
  },
  {
    row: 26,
    sent: 'names with _',
    octets:
      'POST / HTTP/1.1\r\nHost: orders\r\nContent_Length: 50\r\nTransfer_Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi',
    shows: [
      /\r\ncontent_length: 50\r\n/,
      /\r\ntransfer_encoding: chunked\r\n/,
      /\r\ncontent-length: 2\r\n/,
      /\r\n\r\nhi$/,
    ],
  },
  {
    row: 28,
    sent: "the mesh's own fields",
    octets: get(
      '/',
      'X-Mesh-Attempt: forged\r\nX-Outrigger-Port: forged\r\nl5d-dst-override: forged\r\nX-Forwarded-Client-Cert: URI=forged\r\nX-Other: kept\r\n',
    ),
    shows: [/\r\nx-other: kept\r\n/],
    hides: /forged/,
  },
  ...PATHS.map(([target, seen]) => ({
    row: 29,
    sent: `the path ${target}`,
    octets: get(target),
    shows: [new RegExp(`^GET ${seen.replaceAll(/[?.]/g, '\\$&')} HTTP/1\\.1\r\n`)],
  })),
  ...['ORDERS', 'Orders.', 'orders'].map((host) => ({
    row: 30,
    sent: `Host ${host}`,
    octets: `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    shows: [/^GET \/ HTTP\/1\.1\r\nhost: orders\r\n/],
  })),
  {
    row: 33,
    sent: 'a request of a caller that is known',
    octets: get('/'),
    shows: [/\r\nx-forwarded-client-cert: [^\r]*URI="?spiffe:\/\/mesh\.test\/ns\/shop\/sa\/web"?(\r|;)/],
  },
]
