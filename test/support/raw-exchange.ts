import { connect } from 'node:net'

/** Sends octets to a port of this machine and answers with all that came until the peer closed, or until `isDone` says so. */
export function rawExchange(port: number, send: string | Buffer, isDone: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(send))
    let text = ''
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`after half a minute there was only ${JSON.stringify(text)}`))
    }, 30_000)
    const done = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(text)
    }
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (isDone(text)) done()
    })
    socket.on('error', done)
    socket.on('close', done)
  })
}
