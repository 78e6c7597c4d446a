import type { Socket } from 'node:net'

/**
 * Breaks a connection off, so that its peer sees a reset and never an end that looks orderly. One whose last octet and end
 * the kernel has already is closed: libuv refuses to reset what is shutting down (`uv_tcp_close_reset`: EINVAL), and Node
 * then neither closes the descriptor nor says so.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && socket.writableLength === 0) socket.destroy()
  else socket.resetAndDestroy()
}
