/**
 * What the head of dump.rdb tells of replication, so that a node which starts again need not take all data anew, and neither
 * must those that followed it: the history that the data belong to, and how far.
 */
import {parseInt64} from '../lib/integers.ts';
import {latin1ToBytes} from '../lib/bytes.ts';
import {STREAM_DATABASE} from './wire.ts';

export interface SavedHistory {
	readonly id: string;
	/** Bytes of the stream that the data are the result of; at least 1. */
	readonly offset: number;
	/** What is selected where the stream goes on. */
	readonly database: number;
}

const ID = 'repl-id';
const OFFSET = 'repl-offset';

export function savedFields({id, offset, database}: SavedHistory): Map<string, string> {
	return new Map([
		[STREAM_DATABASE, String(database)],
		[ID, id],
		[OFFSET, String(offset)],
	]);
}

/** Null when the fields do not tell, or only of the beginning of a history. */
export function readSavedFields(fields: ReadonlyMap<string, string>): SavedHistory | null {
	const id = fields.get(ID) ?? '';
	const offset = numberOf(fields.get(OFFSET));
	const database = numberOf(fields.get(STREAM_DATABASE));
	if (!/^[0-9a-zA-Z]{40}$/.test(id) || offset <= 0 || database < 0) return null;
	return {id, offset, database};
}

/** -1 when it is none. */
const numberOf = (text: string | undefined): number =>
	text === undefined ? -1 : Number(parseInt64(latin1ToBytes(text)) ?? -1);
