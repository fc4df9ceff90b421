/**
 * Bits of byte strings: counting, searching, combining, and integer fields of any width at any bit. Bit 0 is the most
 * significant bit of the first byte, as everywhere in Redis. Whole words are handled 32 bits at a time.
 */

import {toNumberWhenSafe} from '../lib/integers.ts';
import type {Region} from '../lib/region.ts';

/** A stretch of a region: one byte string. */
export interface Stretch {
	readonly region: Region;
	readonly at: number;
	readonly length: number;
}

// Counting and searching

/** Bits set in `length` bytes. */
export function countBits({view, bytes}: Region, at: number, length: number): number {
	let count = 0;
	let i = at;
	const end = at + length;
	// Two words share the last steps: their counts by four bits do not overflow when added.
	for (const steppedEnd = end - 8; i <= steppedEnd; i += 8) {
		let a = view.getInt32(i, true);
		let b = view.getInt32(i + 4, true);
		a -= (a >>> 1) & 0x55555555;
		b -= (b >>> 1) & 0x55555555;
		a = (a & 0x33333333) + ((a >>> 2) & 0x33333333);
		b = (b & 0x33333333) + ((b >>> 2) & 0x33333333);
		a = (a & 0x0f0f0f0f) + ((a >>> 4) & 0x0f0f0f0f) + (b & 0x0f0f0f0f) + ((b >>> 4) & 0x0f0f0f0f);
		count += Math.imul(a, 0x01010101) >>> 24;
	}
	for (; i < end; i++) count += bitsOfByte(bytes[i]!);
	return count;
}

/** Bits set from bit `first` to bit `last`, both included, of the bytes at `at`. */
export function countBitRange(region: Region, at: number, first: number, last: number): number {
	if (first > last) return 0;
	const firstByte = Math.floor(first / 8);
	const lastByte = Math.floor(last / 8);
	const {bytes} = region;
	const before = bytes[at + firstByte]! & ~(0xff >>> (first - firstByte * 8));
	const after = bytes[at + lastByte]! & (0x7f >>> (last - lastByte * 8));
	return countBits(region, at + firstByte, lastByte - firstByte + 1) - bitsOfByte(before) - bitsOfByte(after);
}

/** Position of the first bit of the given value from bit `first` to bit `last`, both included; -1 when there is none. */
export function findBit({view, bytes}: Region, at: number, bit: 0 | 1, first: number, last: number): number {
	// What is looked for becomes a one.
	const flip = bit === 1 ? 0 : -1;
	let byte = Math.floor(first / 8);
	const lastByte = Math.floor(last / 8);
	let masked = (bytes[at + byte]! ^ flip) & (0xff >>> (first - byte * 8));
	if (masked === 0) {
		byte++;
		while (byte + 4 <= lastByte && view.getInt32(at + byte, true) === flip) byte += 4;
		while (byte < lastByte && bytes[at + byte] === (flip & 0xff)) byte++;
		if (byte > lastByte) return -1;
		masked = (bytes[at + byte]! ^ flip) & 0xff;
	}
	const found = byte * 8 + Math.clz32(masked) - 24;
	return masked === 0 || found > last ? -1 : found;
}

function bitsOfByte(byte: number): number {
	let bits = byte - ((byte >>> 1) & 0x55);
	bits = (bits & 0x33) + ((bits >>> 2) & 0x33);
	return (bits + (bits >>> 4)) & 0x0f;
}

// Combining

export type BitOperation = 'and' | 'or' | 'xor' | 'not';

/**
 * Combines byte strings bit by bit; shorter ones count as filled up with zeros. `not` looks at the first alone.
 * @param target as long as the longest of them, all zeros
 */
export function combineBits(operation: BitOperation, target: Region, sources: readonly Stretch[]): void {
	const [first, ...others] = sources;
	if (first === undefined) return;
	target.bytes.set(first.region.bytes.subarray(first.at, first.at + first.length));
	switch (operation) {
		case 'not':
			invert(target, first.length);
			return;
		case 'and':
			for (const source of others) and(target, source);
			return;
		case 'or':
			for (const source of others) or(target, source);
			return;
		case 'xor':
			for (const source of others) xor(target, source);
			return;
	}
}

// One loop for each operation: a function called per word would cost more than the operation.

function and(target: Region, {region, at, length}: Stretch): void {
	let i = 0;
	for (; i <= length - 4; i += 4) {
		target.view.setInt32(i, target.view.getInt32(i, true) & region.view.getInt32(at + i, true), true);
	}
	for (; i < length; i++) target.bytes[i]! &= region.bytes[at + i]!;
	target.bytes.fill(0, length);
}

function or(target: Region, {region, at, length}: Stretch): void {
	let i = 0;
	for (; i <= length - 4; i += 4) {
		target.view.setInt32(i, target.view.getInt32(i, true) | region.view.getInt32(at + i, true), true);
	}
	for (; i < length; i++) target.bytes[i]! |= region.bytes[at + i]!;
}

function xor(target: Region, {region, at, length}: Stretch): void {
	let i = 0;
	for (; i <= length - 4; i += 4) {
		target.view.setInt32(i, target.view.getInt32(i, true) ^ region.view.getInt32(at + i, true), true);
	}
	for (; i < length; i++) target.bytes[i]! ^= region.bytes[at + i]!;
}

function invert(target: Region, length: number): void {
	let i = 0;
	for (; i <= length - 4; i += 4) target.view.setInt32(i, ~target.view.getInt32(i, true), true);
	for (; i < length; i++) target.bytes[i]! ^= 0xff;
}

// Integer fields

/** `i8`, `u16`: signed ones have up to 64 bits, unsigned ones up to 63. */
export interface FieldType {
	readonly isSigned: boolean;
	readonly bits: number;
}

/** What happens to a value that its field cannot hold: it wraps around, stops at the edge, or is refused. */
export type Overflow = 'wrap' | 'sat' | 'fail';

/** The integer in the field at bit `offset`. Bits beyond the byte string are zeros. */
export function readField(
	{region, at, length}: Stretch,
	offset: number,
	{isSigned, bits}: FieldType,
): number | bigint {
	const {bytes} = region;
	if (bits <= 32) {
		const value = readBits(bytes, at, length, offset, bits);
		return isSigned && value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
	}
	const high = readBits(bytes, at, length, offset, bits - 32);
	const low = readBits(bytes, at, length, offset + bits - 32, 32);
	const value = BigInt(high) * 0x1_0000_0000n + BigInt(low);
	return toNumberWhenSafe(isSigned ? BigInt.asIntN(bits, value) : value);
}

/** Puts a value that fits (`fitField`) into the field at bit `offset` of the bytes at `at`, which must be there. */
export function writeField(
	bytes: Uint8Array,
	at: number,
	offset: number,
	{bits}: FieldType,
	value: number | bigint,
): void {
	if (bits <= 32) {
		const small = Number(value);
		writeBits(bytes, at, offset, bits, small < 0 ? small + 2 ** bits : small);
		return;
	}
	const unsigned = BigInt.asUintN(bits, BigInt(value));
	writeBits(bytes, at, offset, bits - 32, Number(unsigned >> 32n));
	writeBits(bytes, at, offset + bits - 32, 32, Number(unsigned & 0xffff_ffffn));
}

/** The sum of two 64-bit integers, exact: a bigint beyond 2^53. */
export function addExactly(a: number | bigint, b: number | bigint): number | bigint {
	if (typeof a === 'number' && typeof b === 'number') {
		const sum = a + b;
		if (Number.isSafeInteger(sum)) return sum;
	}
	return BigInt(a) + BigInt(b);
}

/** The value that a field stores for `value`: itself when it fits. Null when it does not and overflow fails. */
export function fitField(
	value: number | bigint,
	{isSigned, bits}: FieldType,
	overflow: Overflow,
): number | bigint | null {
	if (bits <= 32 && typeof value === 'number') {
		const size = 2 ** bits;
		const least = isSigned ? -size / 2 : 0;
		const most = least + size - 1;
		if (value >= least && value <= most) return value;
		if (overflow === 'fail') return null;
		if (overflow === 'sat') return value < least ? least : most;
		const wrapped = value % size;
		if (wrapped < least) return wrapped + size;
		return wrapped > most ? wrapped - size : wrapped;
	}
	const exact = BigInt(value);
	const wrapped = isSigned ? BigInt.asIntN(bits, exact) : BigInt.asUintN(bits, exact);
	if (wrapped === exact || overflow === 'wrap') return toNumberWhenSafe(wrapped);
	if (overflow === 'fail') return null;
	const least = isSigned ? -(1n << BigInt(bits - 1)) : 0n;
	return toNumberWhenSafe(exact < least ? least : least + (1n << BigInt(bits)) - 1n);
}

/** Up to 32 bits from bit `offset` on, unsigned. */
function readBits(bytes: Uint8Array, at: number, length: number, offset: number, bits: number): number {
	const first = Math.floor(offset / 8);
	const last = Math.floor((offset + bits - 1) / 8);
	// Five bytes at most: 40 bits are exact in a double.
	let value = 0;
	for (let i = first; i <= last; i++) value = value * 256 + (i < length ? bytes[at + i]! : 0);
	const behind = last * 8 + 7 - (offset + bits - 1);
	return Math.floor(value / 2 ** behind) % 2 ** bits;
}

/** Puts up to 32 bits, unsigned, at bit `offset`. */
function writeBits(bytes: Uint8Array, at: number, offset: number, bits: number, value: number): void {
	let rest = value;
	let left = bits;
	let end = offset + bits;
	while (left > 0) {
		const byte = Math.floor((end - 1) / 8);
		const inByte = end - byte * 8;
		const taken = Math.min(inByte, left);
		const size = 2 ** taken;
		const shift = 8 - inByte;
		const mask = (size - 1) << shift;
		bytes[at + byte] = (bytes[at + byte]! & ~mask) | ((rest % size) << shift);
		rest = Math.floor(rest / size);
		left -= taken;
		end -= taken;
	}
}
