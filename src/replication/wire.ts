/** Commands as the replication protocol sends them: arrays of bulk strings. One byte a character. */
import {latin1ToBytes} from '../lib/bytes.ts';

export function encodeCommand(...words: readonly string[]): Uint8Array {
	const bulks = words.map((word) => `$${word.length}\r\n${word}\r\n`);
	return latin1ToBytes(`*${words.length}\r\n${bulks.join('')}`);
}

/** Field of a snapshot's head: what is selected in the stream that goes on behind the snapshot. */
export const STREAM_DATABASE = 'repl-stream-db';

/** Keeps a silent link alive; part of the stream, so that offsets agree. */
export const PING = encodeCommand('PING');
/** Asks all replicas how far they are; part of the stream. */
export const GET_ACK = encodeCommand('REPLCONF', 'GETACK', '*');
/** Says that something will come: no part of the stream. */
export const NEWLINE = latin1ToBytes('\n');
