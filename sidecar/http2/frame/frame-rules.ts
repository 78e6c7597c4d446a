import { ErrorCode, Flag, FrameType } from './frame-type.ts'

/**
 * What a frame's header alone says is wrong with it, before its payload is waited for: the code of the connection error,
 * or `noError`. RFC 9113 §4.2 and the subsections of §6. A PRIORITY of another length than 5 is a stream error there;
 * any stream error may be treated as a connection error (§5.4.2).
 */
export function faultOfHeader(
  type: number,
  flags: number,
  streamId: number,
  length: number,
  maxFrameBytes: number,
): ErrorCode {
  if (length > maxFrameBytes) return ErrorCode.frameSizeError
  switch (type) {
    case FrameType.data:
    case FrameType.headers:
    case FrameType.continuation:
      return streamId === 0 ? ErrorCode.protocolError : ErrorCode.noError
    case FrameType.priority:
      if (streamId === 0) return ErrorCode.protocolError
      return length === 5 ? ErrorCode.noError : ErrorCode.frameSizeError
    case FrameType.resetStream:
      if (streamId === 0) return ErrorCode.protocolError
      return length === 4 ? ErrorCode.noError : ErrorCode.frameSizeError
    case FrameType.settings:
      if (streamId !== 0) return ErrorCode.protocolError
      if ((flags & Flag.ack) !== 0 && length !== 0) return ErrorCode.frameSizeError
      return length % 6 === 0 ? ErrorCode.noError : ErrorCode.frameSizeError
    case FrameType.pushPromise: // refused by our settings, and never right from a client (§8.4)
      return ErrorCode.protocolError
    case FrameType.ping:
      if (streamId !== 0) return ErrorCode.protocolError
      return length === 8 ? ErrorCode.noError : ErrorCode.frameSizeError
    case FrameType.goAway:
      if (streamId !== 0) return ErrorCode.protocolError
      return length >= 8 ? ErrorCode.noError : ErrorCode.frameSizeError
    case FrameType.windowUpdate:
      return length === 4 ? ErrorCode.noError : ErrorCode.frameSizeError
    default: // §4.1: unknown types are ignored
      return ErrorCode.noError
  }
}
