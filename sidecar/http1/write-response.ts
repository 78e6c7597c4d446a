import type { Fields, ResponseHead } from '../http/head.ts'
import { UNKNOWN_LENGTH } from '../http/head.ts'
import { fieldLines } from './write-fields.ts'
import type { BodyFraming } from './write-request.ts'

/** Reasons of the IANA registry of status codes; only people read them. */
const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  425: 'Too Early',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  508: 'Loop Detected',
}

const STATUS_LINES: string[] = []
for (let status = 100; status < 600; status++) STATUS_LINES[status] = `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\n`

/**
 * The framing of a response's body (RFC 9112 §6.3). HTTP/1.0 knows no chunks: its body of unknown length ends with the connection.
 * @param end whether the head is all: then the length is 0
 */
export function responseFraming(head: ResponseHead, end: boolean, method: string, isHttp10: boolean): BodyFraming {
  const { status } = head
  if (status === 101 || (method === 'CONNECT' && status >= 200 && status < 300)) return 'raw'
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return 'none'
  if (end || head.bodyLength !== UNKNOWN_LENGTH) return 'length'
  return isHttp10 ? 'until-close' : 'chunked'
}

/** The head of a final response as text, one octet a character. `connection` is the value of that field, '' for none. */
export function responseHeadText(head: ResponseHead, end: boolean, framing: BodyFraming, connection: string): string {
  const start = STATUS_LINES[head.status] ?? `HTTP/1.1 ${head.status} \r\n`
  const tail = connection === '' ? '\r\n' : `connection: ${connection}\r\n\r\n`
  switch (framing) {
    case 'length':
      return `${start}${fieldLines(head.fields, false)}content-length: ${end ? 0 : head.bodyLength}\r\n${tail}`
    case 'chunked':
      return `${start}${fieldLines(head.fields, false)}transfer-encoding: chunked\r\n${tail}`
    case 'none':
      // To HEAD and with 304 the length is that of the response to GET; with 204 there may be none (RFC 9110 §8.6).
      return `${start}${fieldLines(head.fields, head.status !== 204)}${tail}`
    default:
      return `${start}${fieldLines(head.fields, false)}${tail}`
  }
}

/** The head of an interim response. */
export const interimText = (status: number, fields: Fields): string =>
  `${STATUS_LINES[status] ?? `HTTP/1.1 ${status} \r\n`}${fieldLines(fields, false)}\r\n`
