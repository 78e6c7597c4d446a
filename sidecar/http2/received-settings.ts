import type { ConnectionCore } from './connection-core.ts'
import { ErrorCode, MAX_31_BITS, SettingId } from './frame/frame-type.ts'

/** Frames longer than this gain nothing more, and make a turn of one stream long. */
const LONGEST_FRAME_BYTES = 64 * 1024

/** Applies the payload of a SETTINGS frame in [start, end), in order (RFC 9113 §6.5.3). Fails the connection on an illegal value. */
export function applySettings(core: ConnectionCore, octets: Buffer, start: number, end: number): void {
  for (let at = start; at < end && !core.isClosed; at += 6) {
    applySetting(core, octets.readUInt16BE(at), octets.readUInt32BE(at + 2))
  }
}

/** RFC 9113 §6.5.2; RFC 8441 §3. Unknown settings are ignored. */
function applySetting(core: ConnectionCore, id: number, value: number): void {
  switch (id) {
    case SettingId.headerTableSize:
      core.encoder.allowTable(value)
      if (value > core.settings.headerTableBytes) core.guard.counters.headerTableClamped++
      return
    case SettingId.enablePush:
      if (value > 1 || (value === 1 && core.role === 'client'))
        core.fail(ErrorCode.protocolError, 'SETTINGS_ENABLE_PUSH')
      return
    case SettingId.maxConcurrentStreams:
      core.peer.streamCount = value
      return
    case SettingId.initialWindowSize:
      applyWindow(core, value)
      return
    case SettingId.maxFrameSize:
      if (value < 16_384 || value > 0xffffff) return void core.fail(ErrorCode.protocolError, 'SETTINGS_MAX_FRAME_SIZE')
      core.peer.frameBytes = Math.min(value, LONGEST_FRAME_BYTES)
      return
    case SettingId.enableConnectProtocol:
      if (value > 1 || (value === 0 && core.peer.takesExtendedConnect)) {
        return void core.fail(ErrorCode.protocolError, 'SETTINGS_ENABLE_CONNECT_PROTOCOL')
      }
      core.peer.takesExtendedConnect = value === 1
      return
    default:
      return
  }
}

/** RFC 9113 §6.9.2: the difference goes to every stream, and may make a window negative. */
function applyWindow(core: ConnectionCore, bytes: number): void {
  if (bytes > MAX_31_BITS) return void core.fail(ErrorCode.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE')
  const change = bytes - core.peer.streamWindowBytes
  core.peer.streamWindowBytes = bytes
  for (const stream of core.streams.list()) {
    stream.sendWindowBytes += change
    if (stream.sendWindowBytes > MAX_31_BITS)
      return void core.fail(ErrorCode.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE')
    if (stream.queue !== undefined && stream.queue.bytes > 0) core.addPending(stream)
  }
  core.pump()
}
