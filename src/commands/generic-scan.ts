/** Generic commands that walk the keyspace: KEYS, SCAN, RANDOMKEY. */

import {slotPosition} from '../data/key-table.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {latin1} from '../lib/bytes.ts';
import {globMatch} from '../lib/glob.ts';
import {UINT64_MAX} from '../lib/integers.ts';
import {keySlot} from '../slots/key-slot.ts';
import {type Arg, bytes, type Cursor, custom, integer, named, options, pattern} from './args.ts';
import {type Command, command} from './command.ts';
import {INVALID_CURSOR, NOT_AN_INTEGER, SYNTAX_ERROR} from './errors.ts';
import {TYPE_NAMES} from './value-types.ts';

export const keys = command({
	name: 'keys',
	since: '1.0.0',
	group: 'generic',
	flags: ['readonly'],
	summary: 'Find all keys matching the given pattern',
	complexity:
		'O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.',
	tips: ['request_policy:all_shards', 'nondeterministic_output_order'],
	categories: ['keyspace', 'dangerous'],
	args: [pattern()],
	run({db, reply}, wanted) {
		const isAll = wanted.length === 1 && wanted[0] === STAR;
		const array = reply.deferArray();
		let count = 0;
		const visit = (ref: number): void => {
			const key = db.keyBytes(ref);
			if (!isAll && !globMatch(wanted, key)) return;
			reply.bulk(key);
			count++;
		};
		const slot = isAll ? -1 : patternSlot(wanted);
		let cursor = 0;
		do cursor = scanStep(db, slot, cursor, KEYS_STEP, visit);
		while (cursor !== 0);
		reply.closeArray(array, count);
	},
});

/** Keys between two looks at the table; nothing else runs in between. */
const KEYS_STEP = 1024;

/**
 * One step of a walk over all keys, or with `slot` >= 0 over a part that holds those of the slot. Returns the
 * next cursor, 0 at the end.
 */
function scanStep(
	db: Keyspace,
	slot: number,
	cursor: number,
	count: number,
	visit: (ref: number) => void,
): number {
	if (slot < 0) return db.scan(cursor, count, visit);
	const end = slotPosition(slot + 1);
	const keyCount = db.slotCount(slot);
	if (keyCount === 0 || cursor >= end) return 0;
	const next = db.scan(Math.max(cursor, slotPosition(slot)), Math.min(count, keyCount), visit);
	return next >= end ? 0 : next;
}

const STAR = 0x2a;
const QUESTION_MARK = 0x3f;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * The one hash slot in which keys that match the pattern can be, or -1: that of the pattern's hash tag when
 * nothing before the tag's end can stand for several bytes, or that of a pattern which is one key.
 */
export function patternSlot(wanted: Uint8Array): number {
	let tagAt = -1;
	for (let i = 0; i < wanted.length; i++) {
		switch (wanted[i]) {
			case STAR:
			case QUESTION_MARK:
			case BRACKET:
			case BACKSLASH:
				return -1;
			case BRACE:
				if (tagAt === -1) tagAt = i + 1;
				break;
			case CLOSING_BRACE:
				if (tagAt === -1) break;
				// An empty tag is none, and no later one counts: only a whole key tells its slot.
				if (i === tagAt) tagAt = wanted.length;
				else if (i > tagAt) return keySlot(wanted, 0, i + 1);
				break;
			default:
		}
	}
	return keySlot(wanted);
}

/**
 * A cursor as strtoul() reads it: a sign and leading zeros are allowed, nothing is zero, the rest wraps at 64
 * bits.
 */
const scanCursor: Arg<bigint> = custom([integer('cursor')], {
	min: 1,
	max: 1,
	read(cursor: Cursor) {
		const written = cursor.request.latin1(cursor.take());
		const digits = /^([+-]?)(\d+)$/.exec(written);
		if (digits === null) {
			if (written === '') return 0n;
			throw INVALID_CURSOR;
		}
		const magnitude = BigInt(digits[2]!);
		if (magnitude > UINT64_MAX) throw INVALID_CURSOR;
		return BigInt.asUintN(64, digits[1] === '-' ? -magnitude : magnitude);
	},
});

const DEFAULT_COUNT = 10;

export const scan = command({
	name: 'scan',
	since: '2.8.0',
	group: 'generic',
	flags: ['readonly'],
	summary: 'Incrementally iterate the keys space',
	complexity:
		'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.',
	history: [['6.0.0', 'Added the `TYPE` subcommand.']],
	tips: ['nondeterministic_output', 'request_policy:special'],
	args: [
		scanCursor,
		options({
			match: named('MATCH', pattern()),
			count: named('COUNT', integer('count', {least: 1, error: NOT_AN_INTEGER, rangeError: SYNTAX_ERROR})),
			type: named('TYPE', bytes('type', {since: '6.0.0'})),
		}),
	],
	run({db, reply}, cursor, {match, count = DEFAULT_COUNT, type}) {
		const isAll = match === undefined || (match.length === 1 && match[0] === STAR);
		const wantedType = type === undefined ? -1 : TYPE_NAMES.indexOf(latin1(type).toLowerCase());
		const slot = isAll ? -1 : patternSlot(match);

		// The keys come before the cursor is known, which stands before them in the reply: so they are found first.
		const found: number[] = [];
		const visit = (ref: number): void => {
			if (!isAll && !globMatch(match, db.keyBytes(ref))) return;
			if (type !== undefined && db.type(ref) !== wantedType) return;
			found.push(ref);
		};
		const next = scanStep(db, slot, Number(cursor), count, visit);
		reply.array(2);
		reply.integerBulk(next);
		reply.array(found.length);
		for (const ref of found) reply.bulk(db.keyBytes(ref));
	},
});

export const randomKey = command({
	name: 'randomkey',
	since: '1.0.0',
	group: 'generic',
	flags: ['readonly'],
	summary: 'Return a random key from the keyspace',
	complexity: 'O(1)',
	tips: ['request_policy:all_shards', 'nondeterministic_output'],
	run({db, reply}) {
		const ref = db.randomRef();
		if (ref === 0) reply.null();
		else reply.bulk(db.keyBytes(ref));
	},
});

export const scanCommands: readonly Command[] = [keys, scan, randomKey];
