import { Http1ClientConnection } from '../connection/http1-client-connection.ts'
import type { Clock } from '../core/clock.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import type { DialApp } from './app-pool.ts'
