import { createServer } from 'node:net'

/*
 * Sends to whoever connects, as fast as it is taken, and without end. Its only argument is the port on loopback.
 */

const CHUNK = Buffer.alloc(256 * 1_024, 'x')
/** Writes that wait in the socket while one is under way: it never runs dry. */
const AHEAD = 2

createServer((socket) => {
  const push = (error?: Error | null): void => {
    if (error === undefined || error === null) socket.write(CHUNK, push)
  }
  socket.on('error', () => undefined)
  for (let at = 0; at < AHEAD; at++) push()
}).listen(Number(process.argv[2]), '127.0.0.1')
