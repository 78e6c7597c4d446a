import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Ledger } from './ledger.ts'
import { downOctets, fromWord } from './parcel.ts'
import type { Receipt } from './receipt.ts'

/** An application on bare sockets: a line with the parcel's word, its octets, an end; then the answer's octets and an end. */
export async function startTcpApplication(ledger: Ledger): Promise<{ port: number; server: Server }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => serve(ledger, socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

function serve(ledger: Ledger, socket: Socket): void {
  let line = ''
  let receipt: Receipt | undefined
  let answer: Buffer | undefined
  socket.on('data', (chunk: Buffer) => {
    if (receipt !== undefined) return receipt.take(chunk)
    line += chunk.toString('latin1')
    const end = line.indexOf('\n')
    if (end < 0) return
    const parcel = fromWord(line.slice(0, end))
    if (parcel === undefined) return void socket.destroy()
    answer = downOctets(parcel)
    receipt = ledger.begin(parcel)
    receipt.take(Buffer.from(line.slice(end + 1), 'latin1'))
  })
  socket.on('end', () => {
    receipt?.end('whole')
    if (answer === undefined)
      socket.resetAndDestroy() // nobody said what to answer
    else socket.end(answer)
  })
  socket.on('error', () => receipt?.end('broken'))
  socket.on('close', () => receipt?.end('broken'))
}
