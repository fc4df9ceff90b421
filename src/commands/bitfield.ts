/** BITFIELD and BITFIELD_RO: several reads and writes of integer fields of any width in one command. */

import {addExactly, type FieldType, fitField, type Overflow, readField, writeField} from '../data/bits.ts';
import {parseInt64, parseUint} from '../lib/integers.ts';
import type {Request} from '../resp/request.ts';
import {block, bytes, flag, integer, key, many, named, oneOf, optional} from './args.ts';
import {command} from './command.ts';
import type {Context} from './context.ts';
import {BIT_OFFSET_INVALID, CommandError, NOT_AN_INTEGER, SYNTAX_ERROR} from './errors.ts';
import type {KeyFlag} from './key-specs.ts';
import {createString, findString, lookupString, unread} from './string-values.ts';

const TYPE_INVALID = new CommandError(
	'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
);
const OVERFLOW_INVALID = new CommandError('ERR Invalid OVERFLOW type specified');
const READ_ONLY = new CommandError('ERR BITFIELD_RO only supports the GET subcommand');

/** One of the command's steps. */
interface Operation {
	readonly kind: 'get' | 'set' | 'incrby';
	readonly type: FieldType;
	/** In bits. */
	readonly offset: number;
	/** Of SET the value, of INCRBY the increment. */
	readonly operand: number | bigint;
	readonly overflow: Overflow;
}

// How the docs show the arguments.

const encoding = bytes('encoding');
const offset = integer('offset');
const readFields = named('GET', block('encoding_offset', {encoding, offset}));
const overflowTypes = oneOf('wrap_sat_fail', {wrap: flag('WRAP'), sat: flag('SAT'), fail: flag('FAIL')});
const operations = oneOf('operation', {
	get: readFields,
	write: block('write', {
		overflow: optional(named('OVERFLOW', overflowTypes)),
		operation: oneOf('write_operation', {
			set: named('SET', block('encoding_offset_value', {encoding, offset, value: integer('value')})),
			incrBy: named(
				'INCRBY',
				block('encoding_offset_increment', {encoding, offset, increment: integer('increment')}),
			),
		}),
	}),
});

export const bitfield = command({
	name: 'bitfield',
	since: '3.2.0',
	group: 'bitmap',
	flags: ['write', 'denyoom'],
	summary: 'Perform arbitrary bitfield integer operations on strings',
	complexity: 'O(1) for each subcommand specified',
	args: [
		key(['RW', 'access', 'update', 'variable_flags'], {
			notes: 'This command allows both access and modification of the key',
		}),
		unread(optional(many(operations))),
	],
	keyFlagsOf: (request): readonly KeyFlag[] =>
		onlyReads(request) ? ['RO', 'access'] : ['RW', 'access', 'update'],
	run(context) {
		const planned = readOperations(context);
		if (planned.every(({kind}) => kind === 'get')) replyFields(context, planned);
		else changeFields(context, planned);
	},
});

export const bitfieldRo = command({
	name: 'bitfield_ro',
	since: '6.0.0',
	group: 'bitmap',
	flags: ['readonly', 'fast'],
	summary: 'Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD',
	complexity: 'O(1) for each subcommand specified',
	args: [key(['RO', 'access']), unread(optional(many(readFields)))],
	run(context) {
		const planned = readOperations(context);
		if (planned.some(({kind}) => kind !== 'get')) throw READ_ONLY;
		replyFields(context, planned);
	},
});

/** Reads the operations in the order of their words, as the errors show. */
function readOperations({request, services}: Context): Operation[] {
	const maxBytes = services.config.settings.protoMaxBulkBytes;
	const planned: Operation[] = [];
	let overflow: Overflow = 'wrap';
	for (let at = 2; at < request.count;) {
		const left = request.count - at - 1;
		if (request.isWord(at, 'OVERFLOW') && left >= 1) {
			overflow = overflowAt(request, at + 1);
			at += 2;
			continue;
		}
		const kind = kindAt(request, at, left);
		const type = typeAt(request, at + 1);
		const bit = offsetAt(request, at + 2, type.bits, maxBytes);
		const operand = kind === 'get' ? 0 : integerAt(request, at + 3);
		planned.push({kind, type, offset: bit, operand, overflow});
		at += kind === 'get' ? 3 : 4;
	}
	return planned;
}

function kindAt(request: Request, index: number, left: number): Operation['kind'] {
	if (request.isWord(index, 'GET') && left >= 2) return 'get';
	if (request.isWord(index, 'SET') && left >= 3) return 'set';
	if (request.isWord(index, 'INCRBY') && left >= 3) return 'incrby';
	throw SYNTAX_ERROR;
}

function overflowAt(request: Request, index: number): Overflow {
	if (request.isWord(index, 'WRAP')) return 'wrap';
	if (request.isWord(index, 'SAT')) return 'sat';
	if (request.isWord(index, 'FAIL')) return 'fail';
	throw OVERFLOW_INVALID;
}

/** `i1` to `i64`, `u1` to `u63`; the letter in lower case. */
function typeAt(request: Request, index: number): FieldType {
	const at = request.offsets[index]!;
	const {bytes} = request.region;
	const isSigned = bytes[at] === 0x69;
	if (request.lengths[index]! < 2 || (!isSigned && bytes[at] !== 0x75)) throw TYPE_INVALID;
	const bits = parseUint(bytes, at + 1, request.lengths[index]! - 1);
	if (bits < 1 || bits > (isSigned ? 64 : 63)) throw TYPE_INVALID;
	return {isSigned, bits};
}

/** In bits, or with `#` in fields of that many bits. */
function offsetAt(request: Request, index: number, bits: number, maxBytes: number): number {
	const at = request.offsets[index]!;
	const length = request.lengths[index]!;
	const {bytes} = request.region;
	const inFields = length > 0 && bytes[at] === 0x23;
	const count = inFields ? parseUint(bytes, at + 1, length - 1) : parseUint(bytes, at, length);
	const bit = inFields ? count * bits : count;
	if (count < 0 || Math.floor(bit / 8) >= maxBytes) throw BIT_OFFSET_INVALID;
	return bit;
}

function integerAt(request: Request, index: number): number | bigint {
	const value = parseInt64(request.region.bytes, request.offsets[index], request.lengths[index]);
	if (value === null) throw NOT_AN_INTEGER;
	return value;
}

/** Whether the arguments are reads alone, as far as their words tell; what is wrong counts as a write. */
function onlyReads(request: Request): boolean {
	for (let at = 2; at < request.count;) {
		const left = request.count - at - 1;
		if (request.isWord(at, 'GET') && left >= 2) at += 3;
		else if (request.isWord(at, 'OVERFLOW') && left >= 1) at += 2;
		else return false;
	}
	return true;
}

function replyFields(context: Context, planned: readonly Operation[]): void {
	const {db, reply, request} = context;
	const ref = lookupString(context, request, 1);
	const region = ref === 0 ? request.region : db.valueRegion(ref);
	const stretch = {region, at: ref === 0 ? 0 : db.valueAt(ref), length: ref === 0 ? 0 : db.valueLength(ref)};
	reply.array(planned.length);
	for (const {type, offset} of planned) replyInteger(context, readField(stretch, offset, type));
}

/** Makes room for the farthest write first, so that every field stands within the string. */
function changeFields(context: Context, planned: readonly Operation[]): void {
	const {db, reply, request} = context;
	let lastByte = 0;
	for (const {kind, type, offset} of planned) {
		if (kind !== 'get') lastByte = Math.max(lastByte, Math.floor((offset + type.bits - 1) / 8));
	}
	let ref = findString(context, request, 1);
	const hasGrown = ref === 0 || lastByte >= db.valueLength(ref);
	if (ref === 0) ref = createString(context, request, 1);
	if (hasGrown) ref = db.resizeString(ref, lastByte + 1);
	db.setRaw(ref);
	const region = db.valueRegion(ref);
	const at = db.valueAt(ref);
	const stretch = {region, at, length: db.valueLength(ref)};
	let changes = 0;
	reply.array(planned.length);
	for (const {kind, type, offset, operand, overflow} of planned) {
		const before = readField(stretch, offset, type);
		if (kind === 'get') {
			replyInteger(context, before);
			continue;
		}
		const after = fitField(
			kind === 'set' ? asFieldValue(operand, type) : addExactly(before, operand),
			type,
			overflow,
		);
		if (after === null) {
			reply.null();
			continue;
		}
		replyInteger(context, kind === 'set' ? before : after);
		writeField(region.bytes, at, offset, type, after);
		if (hasGrown || after !== before) changes++;
	}
	if (changes > 0) db.modified(ref, changes);
}

/** A negative value for an unsigned field is a large one: it overflows upwards, as in Redis. */
function asFieldValue(value: number | bigint, {isSigned}: FieldType): number | bigint {
	return value < 0 && !isSigned ? BigInt.asUintN(64, BigInt(value)) : value;
}

function replyInteger({reply}: Context, value: number | bigint): void {
	if (typeof value === 'number') reply.integer(value);
	else reply.bigInteger(value);
}
