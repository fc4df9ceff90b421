/** LCS: what two strings have in common. */

import {STRING} from '../data/keyspace.ts';
import {type CommonRange, lcsLength, lcsTableBytes, longestCommonSubsequence} from '../data/lcs.ts';
import {EMPTY_BYTES} from '../lib/bytes.ts';
import {flag, integer, key, named, options} from './args.ts';
import {command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError} from './errors.ts';
import {later} from './string-values.ts';

const NOT_STRINGS = new CommandError('ERR The specified keys must contain string values');
const LENGTH_AND_INDEXES = new CommandError(
	'ERR If you want both the length and indexes, please just use IDX.',
);
const TABLE_TOO_LARGE = new CommandError(
	'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
);

export const lcs = command({
	name: 'lcs',
	since: '7.0.0',
	group: 'string',
	flags: ['readonly'],
	summary: 'Find longest common substring',
	complexity: 'O(N*M) where N and M are the lengths of s1 and s2, respectively',
	keySpecs: [{flags: ['RO', 'access'], begin: {index: 1}, find: {lastKey: 1, step: 1, limit: 0}}],
	args: [
		key(['RO', 'access'], {name: 'key1'}),
		key(['RO', 'access'], {name: 'key2', spec: 0}),
		later(
			options({
				length: flag('LEN'),
				indexes: flag('IDX'),
				leastLength: named('MINMATCHLEN', integer('len')),
				withLength: flag('WITHMATCHLEN'),
			}),
		),
	],
	run(context, key1, key2, readOptions) {
		const {reply} = context;
		const refs = [context.db.lookupKey(key1), context.db.lookupKey(key2)] as const;
		if (refs.some((ref) => ref !== 0 && context.db.type(ref) !== STRING)) throw NOT_STRINGS;
		const {length, indexes, leastLength = 0, withLength = false} = readOptions();
		if (length && indexes) throw LENGTH_AND_INDEXES;
		const [a, b] = [valueOf(context, refs[0]), valueOf(context, refs[1])];
		// The length alone needs no table, but what Redis refuses is refused here too.
		const limit = context.services.config.settings.protoMaxBulkBytes;
		if (lcsTableBytes(a.length, b.length) > limit) throw TABLE_TOO_LARGE;
		if (length) {
			reply.integer(lcsLength(a, b));
			return;
		}
		const {bytes, ranges} = longestCommonSubsequence(a, b);
		if (!indexes) {
			reply.bulk(bytes);
			return;
		}
		const shown = ranges.filter((range) => lengthOf(range) >= leastLength);
		reply.map(2);
		reply.bulkText('matches');
		reply.array(shown.length);
		for (const range of shown) replyRange(context, range, withLength);
		reply.bulkText('len');
		reply.integer(bytes.length);
	},
});

function valueOf({db}: Context, ref: number): Uint8Array {
	return ref === 0 ? EMPTY_BYTES : db.value(ref);
}

function lengthOf({aStart, aEnd}: CommonRange): number {
	return aEnd - aStart + 1;
}

function replyRange({reply}: Context, range: CommonRange, withLength: boolean): void {
	reply.array(withLength ? 3 : 2);
	reply.array(2);
	reply.integer(range.aStart);
	reply.integer(range.aEnd);
	reply.array(2);
	reply.integer(range.bStart);
	reply.integer(range.bEnd);
	if (withLength) reply.integer(lengthOf(range));
}
