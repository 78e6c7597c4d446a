import { connect } from 'node:tls'
import type { Attack } from './attack.ts'

const DOORS = ['tls'] as const
const FAILURES = 'outrigger_handshake_failures_total'

/** The start of a ClientHello that says how long it is, and then does not go on. */
const HALF_HELLO = Buffer.from('1603010200010001fc0303', 'hex')

/** What can be done to the port of the mesh link without a certificate. Each connection is one try. */
export const TLS: readonly Attack[] = [
  {
    name: 'handshake-flood',
    doors: DOORS,
    known: 'whole handshakes, without a certificate, as fast as they are made',
    limit: 'no certificate, no service',
    counter: FAILURES,
    isCut: true,
    connections: 8,
    run: async (wire) => {
      const tls = connect({
        socket: wire.socket,
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
        minVersion: 'TLSv1.3',
      })
      tls.on('error', () => undefined)
      wire.passed()
      await wire.cut
    },
  },
  {
    name: 'hello-garbage',
    doors: DOORS,
    known: 'octets that are no TLS',
    limit: 'one record is enough',
    counter: FAILURES,
    isCut: true,
    run: async (wire) => {
      await wire.send('GET / HTTP/1.1\r\n\r\n')
      wire.passed()
      await wire.cut
    },
  },
  {
    name: 'hello-stall',
    doors: DOORS,
    known: 'handshakes that do not go on',
    limit: '10 s for a handshake',
    counter: FAILURES,
    isCut: true,
    connections: 200,
    run: async (wire) => {
      await wire.send(HALF_HELLO)
      await wire.pause(10_000)
      wire.passed()
      await wire.cut
    },
  },
]
