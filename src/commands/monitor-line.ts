/** The line that a MONITOR client sees for each command: `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`. */
import {toBytes} from '../lib/bytes.ts';
import type {Request} from '../resp/request.ts';
import type {Client} from './client.ts';
import {quoted} from './quoted.ts';
import {REDACTED} from './redaction.ts';

/**
 * The same in RESP2 and RESP3.
 * @param secret positions of arguments that are not shown
 * @param wallUs unix time in microseconds
 */
export function monitorLine(
	client: Client,
	request: Request,
	secret: ReadonlySet<number>,
	wallUs: number,
): Uint8Array {
	const seconds = Math.floor(wallUs / 1e6);
	const micros = Math.floor(wallUs % 1e6);
	let line = `+${seconds}.${String(micros).padStart(6, '0')} [${client.databaseIndex} ${client.address}]`;
	for (let i = 0; i < request.count; i++) line += ` ${quoted(secret.has(i) ? REDACTED : request.bytes(i))}`;
	return toBytes(`${line}\r\n`);
}
