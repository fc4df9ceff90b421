/**
 * The directory of a slot's leaves, and the word that tells the state of a leaf. A pair is the ref of a leaf and its
 * state; a slot with a single leaf has its pair among the roots of the key table, others have a directory of pairs.
 */

import {assert} from '../lib/assert.ts';

/** Bits of a key's hash. The upper ones choose the leaf. */
export const HASH_BITS = 31;

// The state of a leaf: how many entries it has, how many it has room for, by how many bits of the hash it was chosen.
export const COUNT_MASK = 0xfff;
const CAPACITY_SHIFT = 12;
const CAPACITY_MASK = 0xfff;
export const DEPTH_SHIFT = 24;

/** The state word of a leaf. Count and capacity are at most 4095, depth at most 20: never negative. */
export function leafState(count: number, capacity: number, depth: number): number {
	return (depth << DEPTH_SHIFT) | (capacity << CAPACITY_SHIFT) | count;
}

/** How many entries the leaf's block has room for. */
export function stateCapacity(state: number): number {
	return (state >>> CAPACITY_SHIFT) & CAPACITY_MASK;
}

/** The pairs of one slot, by the upper `depth` bits of the hash. */
export class Directory {
	/** Pairs of leaf and state, 2^depth of them. */
	entries: Int32Array;
	depth = 1;
	/** How many leaves are as deep as the directory: without any, it can be halved. */
	deepest = 0;

	constructor(entries: Int32Array) {
		this.entries = entries;
	}
}

/** In the place of one that was given up. */
export const NO_DIRECTORY = new Directory(new Int32Array(0));

/** Sets leaf and state of all `span` pairs that stand for a leaf, of which `pair` is one. */
export function setLeaf(pairs: Int32Array, pair: number, span: number, leaf: number, state: number): void {
	const first = pair & ~((span << 1) - 1);
	for (let at = first; at < first + (span << 1); at += 2) {
		pairs[at] = leaf;
		pairs[at + 1] = state;
	}
}

/** Sets the state alone: one store for most leaves. */
export function setState(pairs: Int32Array, pair: number, span: number, state: number): void {
	if (span === 1) {
		pairs[pair + 1] = state;
		return;
	}
	const first = pair & ~((span << 1) - 1);
	for (let at = first; at < first + (span << 1); at += 2) {
		pairs[at + 1] = state;
	}
}

/** Makes room for leaves one bit deeper; every pair is now there twice. */
export function doubleDirectory(directory: Directory): void {
	const entries = directory.entries;
	const doubled = new Int32Array(entries.length * 2);
	for (let pair = 0; pair < entries.length; pair += 2) {
		const leaf = entries[pair]!;
		const state = entries[pair + 1]!;
		doubled[pair * 2] = leaf;
		doubled[pair * 2 + 1] = state;
		doubled[pair * 2 + 2] = leaf;
		doubled[pair * 2 + 3] = state;
	}
	directory.entries = doubled;
	directory.depth++;
	directory.deepest = 0;
}

/** Drops every second pair, which without a leaf of the directory's own depth equals the one before it. */
export function halveDirectory(directory: Directory): void {
	const entries = directory.entries;
	const halved = new Int32Array(entries.length / 2);
	directory.depth--;
	for (let pair = 0; pair < halved.length; pair += 2) {
		halved[pair] = entries[pair * 2]!;
		halved[pair + 1] = entries[pair * 2 + 1]!;
		if (halved[pair + 1]! >>> DEPTH_SHIFT === directory.depth) {
			directory.deepest++;
		}
	}
	directory.entries = halved;
}

/** Asserts that the pairs of every leaf agree. For tests. */
export function checkDirectory(directory: Directory): void {
	let deepest = 0;
	for (let index = 0; index < 1 << directory.depth;) {
		const state = directory.entries[(index << 1) + 1]!;
		const depth = state >>> DEPTH_SHIFT;
		const span = 1 << (directory.depth - depth);
		assert((index & (span - 1)) === 0, 'the pairs of a leaf start at a multiple of their number');
		for (let i = index; i < index + span; i++) {
			assert(directory.entries[i << 1] === directory.entries[index << 1], 'the pairs of a leaf are equal');
			assert(directory.entries[(i << 1) + 1] === state, 'the states of a leaf are equal');
		}
		deepest += depth === directory.depth ? 1 : 0;
		index += span;
	}
	assert(directory.entries.length === 2 << directory.depth, 'a directory has 2^depth pairs');
	assert(deepest === directory.deepest, 'the deepest leaves are counted');
	assert(deepest > 0, 'a directory is as shallow as its leaves allow');
}
