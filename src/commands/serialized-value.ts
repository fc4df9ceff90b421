/** Values in the form that RDB files hold them in: what DUMP gives and DEBUG OBJECT measures. */

import {STRING} from '../data/keyspace.ts';
import {assert} from '../lib/assert.ts';
import {RdbWriter} from '../persistence/rdb-writer.ts';
import type {Context} from './context.ts';

/** Its table for compression takes 256 KB; the commands of a thread run one after the other and share it. */
const options = {compress: true, checksum: true};
const writer = new RdbWriter(options, 1 << 10);

/** What a value's bytes depend on. */
export type ValueContext = Pick<Context, 'db' | 'services'>;

/** The payload of DUMP. @param use gets a view that is valid until it returns */
export function dumpValue(context: ValueContext, ref: number, use: (payload: Uint8Array) => void): void {
	const {db} = context;
	begin(context, ref);
	writer.dumpString(db.valueRegion(ref), db.valueAt(ref), db.valueLength(ref));
	use(writer.view());
	writer.clear();
}

/** Bytes that the value takes in an RDB file, beside its key. */
export function serializedLength(context: Context, ref: number): number {
	const {db} = context;
	begin(context, ref);
	writer.stringValue(db.valueRegion(ref), db.valueAt(ref), db.valueLength(ref));
	const {length} = writer;
	writer.clear();
	return length;
}

function begin({db, services}: ValueContext, ref: number): void {
	assert(db.type(ref) === STRING, 'every value is a string');
	options.compress = services.config.settings.rdbCompression;
}
