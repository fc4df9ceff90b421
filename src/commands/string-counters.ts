/** Strings that hold numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT. */

import {latin1, latin1ToBytes} from '../lib/bytes.ts';
import {INT64_MAX, INT64_MIN, parseInt64, parseSafeInteger, writeInteger} from '../lib/integers.ts';
import {addLongDoubles, formatLongDouble, type LongDouble, parseLongDouble} from '../lib/long-double.ts';
import {allocateRegion, type Region, regionOf} from '../lib/region.ts';
import type {Request} from '../resp/request.ts';
import {double, int64, key} from './args.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, INCREMENT_NAN, INCREMENT_OVERFLOW, NOT_A_FLOAT, NOT_AN_INTEGER} from './errors.ts';
import {findString} from './string-values.ts';

const DECREMENT_OVERFLOW = new CommandError('ERR decrement would overflow');

/** Where a number is printed before it is stored. */
const digits = allocateRegion(32);

const counterFacts = {
	since: '1.0.0',
	group: 'string',
	flags: ['write', 'denyoom', 'fast'],
	complexity: 'O(1)',
} as const;
const counter = key(['RW', 'access', 'update']);

export const incr = command({
	...counterFacts,
	name: 'incr',
	summary: 'Increment the integer value of a key by one',
	args: [counter],
	inPlace(context, request) {
		return add(context, request, 1);
	},
});

export const decr = command({
	...counterFacts,
	name: 'decr',
	summary: 'Decrement the integer value of a key by one',
	args: [counter],
	inPlace(context, request) {
		return add(context, request, -1);
	},
});

export const incrBy = command({
	...counterFacts,
	name: 'incrby',
	summary: 'Increment the integer value of a key by the given amount',
	args: [counter, int64('increment')],
	inPlace(context, request) {
		return add(context, request, integerAt(request, 2));
	},
});

export const decrBy = command({
	...counterFacts,
	name: 'decrby',
	summary: 'Decrement the integer value of a key by the given number',
	args: [counter, int64('decrement')],
	inPlace(context, request) {
		const decrement = integerAt(request, 2);
		if (decrement === INT64_MIN) throw DECREMENT_OVERFLOW;
		return add(context, request, -decrement);
	},
});

export const incrByFloat = command({
	...counterFacts,
	name: 'incrbyfloat',
	since: '2.6.0',
	summary: 'Increment the float value of a key by the given amount',
	args: [counter, double('increment')],
	inPlace(context, request) {
		const {db, reply} = context;
		const ref = findString(context, request, 1);
		const value = ref === 0 ? ZERO : longDoubleAt(db.valueRegion(ref), db.valueAt(ref), db.valueLength(ref));
		const increment = longDoubleAt(request.region, request.offsets[2]!, request.lengths[2]!);
		if (typeof value === 'number' || typeof increment === 'number') throw INCREMENT_NAN;
		const sum = addLongDoubles(value, increment);
		if (sum === undefined) throw INCREMENT_NAN;
		const text = latin1ToBytes(formatLongDouble(sum));
		store(context, request, ref, regionOf(text), text.length);
		// The sum, and not the sum to be made again by another's floating point.
		context.services.propagation.instead('SET', request.bytes(1), text, 'KEEPTTL');
		reply.bulk(text);
		return true;
	},
});

const ZERO: LongDouble = {mantissa: 0n, exponent: 0};

/** Adds to the integer at the key and replies the sum. All that fits a safe integer goes without a bigint. */
function add(context: Context, request: Request, by: number | bigint): true {
	const {db, reply} = context;
	const ref = findString(context, request, 1);
	let value: number | bigint = 0;
	if (ref !== 0) {
		const region = db.valueRegion(ref);
		value = parseSafeInteger(region.bytes, db.valueAt(ref), db.valueLength(ref));
		if (Number.isNaN(value)) value = integerIn(region, db.valueAt(ref), db.valueLength(ref));
	}
	if (typeof value === 'number' && typeof by === 'number') {
		const sum = value + by;
		if (Number.isSafeInteger(sum)) {
			store(context, request, ref, digits, writeInteger(digits.bytes, 0, sum));
			reply.integer(sum);
			return true;
		}
	}
	const sum = BigInt(value) + BigInt(by);
	if (sum > INT64_MAX || sum < INT64_MIN) throw INCREMENT_OVERFLOW;
	const text = latin1ToBytes(sum.toString());
	store(context, request, ref, regionOf(text), text.length);
	reply.bigInteger(sum);
	return true;
}

/** Puts the first bytes of a region into the record, or into a new one for the request's key; the expiry stays. */
function store({db}: Context, request: Request, ref: number, text: Region, length: number): void {
	const stored =
		ref === 0
			? db.setString(
					request.keySlot(1),
					request.region,
					request.offsets[1]!,
					request.lengths[1]!,
					text,
					0,
					length,
					true,
				)
			: db.replaceString(ref, text, 0, length);
	db.modified(stored);
}

/** @throws NOT_AN_INTEGER */
function integerAt(request: Request, index: number): number | bigint {
	return integerIn(request.region, request.offsets[index]!, request.lengths[index]!);
}

function integerIn({bytes}: Region, at: number, length: number): number | bigint {
	const value = parseInt64(bytes, at, length);
	if (value === null) throw NOT_AN_INTEGER;
	return value;
}

/** An infinity comes as a number. @throws NOT_A_FLOAT */
function longDoubleAt({bytes}: Region, at: number, length: number): LongDouble | number {
	const value = parseLongDouble(latin1(bytes, at, at + length));
	if (value === undefined) throw NOT_A_FLOAT;
	return value;
}

export const counterCommands: readonly Command[] = [incr, decr, incrBy, decrBy, incrByFloat];
