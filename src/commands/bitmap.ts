/** Commands on the bits of strings. The arithmetic is in data/bits.ts, integer fields are in bitfield.ts. */

import {
	type BitOperation,
	combineBits,
	countBitRange,
	countBits,
	findBit,
	type Stretch,
} from '../data/bits.ts';
import {parseInt64, parseUint} from '../lib/integers.ts';
import {allocateRegion} from '../lib/region.ts';
import type {Request} from '../resp/request.ts';
import {block, bytes, flag, integer, key, many, oneOf, optional} from './args.ts';
import {bitfield, bitfieldRo} from './bitfield.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {BIT_INVALID, BIT_OFFSET_INVALID, CommandError, NOT_AN_INTEGER, SYNTAX_ERROR} from './errors.ts';
import {createString, findString, lookupString, placeOf, unread} from './string-values.ts';

// GETBIT, SETBIT

export const getBit = command({
	name: 'getbit',
	since: '2.2.0',
	group: 'bitmap',
	flags: ['readonly', 'fast'],
	summary: 'Returns the bit value at offset in the string value stored at key',
	complexity: 'O(1)',
	args: [key(['RO', 'access']), integer('offset')],
	inPlace(context, request) {
		const {db, reply} = context;
		const offset = bitOffsetAt(context, request, 2);
		const ref = lookupString(context, request, 1);
		const byte = Math.floor(offset / 8);
		const isInside = ref !== 0 && byte < db.valueLength(ref);
		const bits = isInside ? db.valueRegion(ref).bytes[db.valueAt(ref) + byte]! : 0;
		reply.integer((bits >> (7 - (offset % 8))) & 1);
		return true;
	},
});

export const setBit = command({
	name: 'setbit',
	since: '2.2.0',
	group: 'bitmap',
	flags: ['write', 'denyoom'],
	summary: 'Sets or clears the bit at offset in the string value stored at key',
	complexity: 'O(1)',
	args: [key(['RW', 'access', 'update']), integer('offset'), integer('value')],
	inPlace(context, request) {
		const {db, reply} = context;
		const offset = bitOffsetAt(context, request, 2);
		const bit = parseUint(request.region.bytes, request.offsets[3], request.lengths[3]);
		if (bit !== 0 && bit !== 1) throw BIT_INVALID;
		const byte = Math.floor(offset / 8);
		let ref = findString(context, request, 1);
		const hasGrown = ref === 0 || byte >= db.valueLength(ref);
		if (ref === 0) ref = createString(context, request, 1);
		if (hasGrown) ref = db.resizeString(ref, byte + 1);
		db.setRaw(ref);
		const {bytes} = db.valueRegion(ref);
		const at = db.valueAt(ref) + byte;
		const mask = 0x80 >> (offset % 8);
		const before = (bytes[at]! & mask) === 0 ? 0 : 1;
		bytes[at] = bit === 1 ? bytes[at]! | mask : bytes[at]! & ~mask;
		if (hasGrown || before !== bit) db.modified(ref);
		reply.integer(before);
		return true;
	},
});

/** @throws BIT_OFFSET_INVALID also when the byte is beyond `proto-max-bulk-len` */
function bitOffsetAt({services}: Context, request: Request, index: number): number {
	const offset = parseUint(request.region.bytes, request.offsets[index], request.lengths[index]);
	if (offset < 0 || Math.floor(offset / 8) >= services.config.settings.protoMaxBulkBytes)
		throw BIT_OFFSET_INVALID;
	return offset;
}

// BITCOUNT, BITPOS

const indexUnit = optional(oneOf('index_unit', {byte: flag('BYTE'), bit: flag('BIT')}, {since: '7.0.0'}));
const indexUnitHistory = [['7.0.0', 'Added the `BYTE|BIT` option.']] as const;

// Both look at the key before they look at what follows it, and read that in an order of their own.

export const bitCount = command({
	name: 'bitcount',
	since: '2.6.0',
	group: 'bitmap',
	flags: ['readonly'],
	summary: 'Count set bits in a string',
	complexity: 'O(N)',
	history: indexUnitHistory,
	args: [
		key(['RO', 'access']),
		unread(optional(block('index', {start: integer('start'), end: integer('end'), unit: indexUnit}))),
	],
	run(context) {
		const {db, reply, request} = context;
		const ref = lookupString(context, request, 1);
		if (ref === 0) {
			reply.integer(0);
			return;
		}
		const region = db.valueRegion(ref);
		const at = db.valueAt(ref);
		const length = db.valueLength(ref);
		if (request.count === 2) {
			reply.integer(countBits(region, at, length));
			return;
		}
		if (request.count < 4 || request.count > 5) throw SYNTAX_ERROR;
		const start = indexAt(request, 2);
		const end = indexAt(request, 3);
		if (start < 0 && end < 0 && start > end) {
			reply.integer(0);
			return;
		}
		const bitsPerUnit = request.count === 5 ? unitAt(request, 4) : 8;
		const units = (length * 8) / bitsPerUnit;
		const first = placeOf(start, units);
		const last = Math.min(placeOf(end, units), units - 1);
		const isEmpty = first > last;
		reply.integer(isEmpty ? 0 : countBitRange(region, at, first * bitsPerUnit, (last + 1) * bitsPerUnit - 1));
	},
});

const NOT_A_BIT = new CommandError('ERR The bit argument must be 1 or 0.');

export const bitPos = command({
	name: 'bitpos',
	since: '2.8.7',
	group: 'bitmap',
	flags: ['readonly'],
	summary: 'Find first bit set or clear in a string',
	complexity: 'O(N)',
	history: indexUnitHistory,
	args: [
		key(['RO', 'access']),
		integer('bit'),
		unread(
			optional(
				block('index', {
					start: integer('start'),
					end: optional(block('end_index', {end: integer('end'), unit: indexUnit})),
				}),
			),
		),
	],
	run(context, _key, bit) {
		const {db, reply, request} = context;
		if (bit !== 0 && bit !== 1) throw NOT_A_BIT;
		const ref = lookupString(context, request, 1);
		if (ref === 0) {
			reply.integer(bit === 0 ? 0 : -1);
			return;
		}
		const {count} = request;
		if (count > 6) throw SYNTAX_ERROR;
		const length = db.valueLength(ref);
		const start = count > 3 ? indexAt(request, 3) : 0;
		const bitsPerUnit = count > 5 ? unitAt(request, 5) : 8;
		const end = count > 4 ? indexAt(request, 4) : -1;
		const units = (length * 8) / bitsPerUnit;
		const first = placeOf(start, units);
		const last = Math.min(placeOf(end, units), units - 1);
		if (first > last) {
			reply.integer(-1);
			return;
		}
		const lastBit = (last + 1) * bitsPerUnit - 1;
		const found = findBit(db.valueRegion(ref), db.valueAt(ref), bit, first * bitsPerUnit, lastBit);
		// Without an end the string goes on with zeros for ever.
		reply.integer(found < 0 && bit === 0 && count <= 4 ? lastBit + 1 : found);
	},
});

/** @throws NOT_AN_INTEGER */
function indexAt(request: Request, index: number): number | bigint {
	const value = parseInt64(request.region.bytes, request.offsets[index], request.lengths[index]);
	if (value === null) throw NOT_AN_INTEGER;
	return value;
}

/** Bits of the unit that `BYTE` or `BIT` names. @throws SYNTAX_ERROR */
function unitAt(request: Request, index: number): 1 | 8 {
	if (request.isWord(index, 'BIT')) return 1;
	if (request.isWord(index, 'BYTE')) return 8;
	throw SYNTAX_ERROR;
}

// BITOP

const ONE_SOURCE = new CommandError('ERR BITOP NOT must be called with a single source key.');

export const bitOp = command({
	name: 'bitop',
	since: '2.6.0',
	group: 'bitmap',
	flags: ['write', 'denyoom'],
	summary: 'Perform bitwise operations between strings',
	complexity: 'O(N)',
	args: [bytes('operation'), key(['OW', 'update'], {name: 'destkey'}), many(key(['RO', 'access']))],
	run(context, _operation, target) {
		const {db, reply, request} = context;
		const operation = operationAt(request, 1);
		if (operation === 'not' && request.count !== 4) throw ONE_SOURCE;
		// All are looked up before the first is read: a look-up may remove an expired key.
		const refs: number[] = [];
		for (let i = 3; i < request.count; i++) refs.push(lookupString(context, request, i));
		const sources = refs.map((ref) => stretchOf(context, ref));
		const length = Math.max(...sources.map((source) => source.length));
		if (length > 0) {
			const result = allocateRegion(length);
			combineBits(operation, result, sources);
			const ref = db.setStringOwned(target, result.bytes, false);
			db.setRaw(ref);
			db.modified(ref);
		} else if (db.removeKey(target)) {
			db.modifiedKey(target);
		}
		reply.integer(length);
	},
});

function operationAt(request: Request, index: number): BitOperation {
	if (request.isWord(index, 'AND')) return 'and';
	if (request.isWord(index, 'OR')) return 'or';
	if (request.isWord(index, 'XOR')) return 'xor';
	if (request.isWord(index, 'NOT')) return 'not';
	throw SYNTAX_ERROR;
}

const NOTHING: Stretch = {region: allocateRegion(0), at: 0, length: 0};

function stretchOf({db}: Context, ref: number): Stretch {
	if (ref === 0) return NOTHING;
	return {region: db.valueRegion(ref), at: db.valueAt(ref), length: db.valueLength(ref)};
}

export const bitmapCommands: readonly Command[] = [
	getBit,
	setBit,
	bitCount,
	bitPos,
	bitOp,
	bitfield,
	bitfieldRo,
];
