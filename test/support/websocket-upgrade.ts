/** The request that opens a WebSocket to `orders` (RFC 6455 §1.3, with its key). */
export const UPGRADE =
  'GET /ws HTTP/1.1\r\nhost: orders\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n'
