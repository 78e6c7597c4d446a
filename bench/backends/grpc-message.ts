/** Octets of a message's one field, in both directions. */
const TEXT_BYTES = 62

/** One length-prefixed message of gRPC: a protobuf with a string as field 1, 64 octets of it. */
export function grpcMessage(): Buffer {
  const protobuf = Buffer.concat([Buffer.from([0x0a, TEXT_BYTES]), Buffer.alloc(TEXT_BYTES, 'x')])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(protobuf.length, 1)
  return Buffer.concat([prefix, protobuf])
}

/** The method that is called. */
export const GRPC_PATH = '/bench.Echo/Unary'
