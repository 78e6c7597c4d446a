import type { Socket } from 'node:net'
import { spokenOfHttp } from '../connection/spoken.ts'
import { LIMITS } from '../core/limits.ts'
import { AwaitingConnection, type CapturedOptions } from './awaiting-connection.ts'

/** An accepted connection to a port of HTTP: HTTP/2 where its first octets say so, else HTTP/1. */
export class DetectedConnection<Peer> extends AwaitingConnection<CapturedOptions<Peer>> {
  constructor(socket: Socket, options: CapturedOptions<Peer>) {
    super(socket, options, LIMITS.idleConnectionMs)
  }

  protected hear(octets: Buffer): void {
    const spoken = spokenOfHttp(octets)
    if (spoken === 'more') this.waitFor(octets)
    else this.serveHttp(spoken, octets)
  }
}
