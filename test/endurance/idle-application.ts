import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/*
 * An application that takes connections and says nothing; a process of its own, for descriptors of one process may not be
 * enough for both ends. Tells its parent its port, and then with each connection how many there are.
 */

let count = 0
const server = createServer((socket) => {
  socket.on('error', () => undefined)
  process.send?.({ count: ++count })
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
await once(server, 'listening')
process.send?.({ port: (server.address() as AddressInfo).port })
process.once('disconnect', () => process.exit())
