/**
 * Where a command's keys stand: the key specs of COMMAND INFO, as data that the argument grammar implies, and
 * their evaluation on a request without allocating.
 */

import {parseSafeInteger} from '../lib/integers.ts';
import type {Request} from '../resp/request.ts';
import type {Arg} from './args.ts';

/** How the command uses a key, in the words and in the order of COMMAND INFO. */
export const KEY_FLAGS = [
	'RO',
	'RW',
	'OW',
	'RM',
	'access',
	'update',
	'insert',
	'delete',
	'not_key',
	'incomplete',
	'variable_flags',
] as const;
export type KeyFlag = (typeof KEY_FLAGS)[number];

export interface KeySpec {
	readonly notes?: string;
	readonly flags: readonly KeyFlag[];
	/**
	 * Where the search begins: at an argument, or behind a word that is looked for (a negative `startFrom`:
	 * backwards).
	 */
	readonly begin:
		| {readonly index: number}
		| {readonly keyword: string; readonly startFrom: number}
		| 'unknown';
	/**
	 * Which arguments from there on are keys: every `step`th up to `lastKey` (relative to the begin;
	 * negative: from the end of the arguments, the last `1/limit` of them left out when `limit` > 1), or as
	 * many as the number at `countAt` says.
	 */
	readonly find:
		| {readonly lastKey: number; readonly step: number; readonly limit: number}
		| {readonly countAt: number; readonly firstKey: number; readonly step: number}
		| 'unknown';
}

/**
 * Positions of a command's keys in the request, reused. `spec[i]` is the index of the key spec that found
 * `at[i]`.
 */
export class KeyPositions {
	count = 0;
	at = new Int32Array(16);
	spec = new Int32Array(16);

	add(position: number, spec: number): void {
		if (this.count === this.at.length) this.#grow();
		this.at[this.count] = position;
		this.spec[this.count++] = spec;
	}

	#grow(): void {
		const at = new Int32Array(this.at.length * 2);
		const spec = new Int32Array(this.spec.length * 2);
		at.set(this.at);
		spec.set(this.spec);
		this.at = at;
		this.spec = spec;
	}
}

/** The first, last and step of COMMAND INFO, and whether they leave keys out (`movablekeys`). */
export interface KeyRange {
	readonly first: number;
	/** Negative: counted from the end of the arguments. */
	readonly last: number;
	readonly step: number;
	readonly movable: boolean;
}

/**
 * The specs that the grammar implies. Those behind an argument of variable length cannot be told from the
 * left: such commands declare theirs.
 * @param words arguments of the name itself, 2 for a subcommand
 */
export function deriveKeySpecs(args: readonly Arg<unknown>[], words: number): KeySpec[] {
	const specs: KeySpec[] = [];
	let at = words;
	for (let i = 0; i < args.length; i++) {
		const arg = args[i]!;
		const key = keyOf(arg);
		if (key?.keyFlags !== undefined) {
			const tail = args.slice(i + 1).reduce((sum, later) => sum + later.min, 0);
			const repeats = arg.max === Infinity;
			specs.push({
				...(key.keyNotes === undefined ? {} : {notes: key.keyNotes}),
				flags: key.keyFlags,
				begin: {index: at},
				find: arg.countsKeys
					? {countAt: 0, firstKey: 1, step: 1}
					: {lastKey: repeats ? -1 - tail : 0, step: arg.parts?.length ?? 1, limit: 0},
			});
		}
		if (arg.min !== arg.max) break;
		at += arg.min;
	}
	return specs;
}

/** The key among the parts of one argument: itself, or the first part of a block (MSET's `key value`). */
function keyOf(arg: Arg<unknown>): Arg<unknown> | undefined {
	return arg.keyFlags === undefined ? arg.parts?.find((part) => part.keyFlags !== undefined) : arg;
}

/**
 * One range over all specs, for clients that know no specs. As populateCommandLegacyRangeSpec of Redis 7.0.
 */
export function keyRange(specs: readonly KeySpec[]): KeyRange {
	const only = specs.length === 1 ? specs[0]! : undefined;
	if (only !== undefined && isPlace(only)) {
		const {index} = only.begin;
		const {lastKey, step} = only.find;
		return {
			first: index,
			last: lastKey < 0 ? lastKey : index + lastKey,
			step,
			movable: only.flags.includes('incomplete'),
		};
	}
	let first = 0;
	let last = 0;
	let movable = false;
	for (const spec of specs) {
		// Only ranges of single steps that follow upon each other make one range.
		if (!isPlace(spec) || spec.find.step !== 1 || (last !== 0 && last !== spec.begin.index - 1)) {
			movable = true;
			continue;
		}
		movable ||= spec.flags.includes('incomplete');
		if (first === 0) first = spec.begin.index;
		const {lastKey} = spec.find;
		last = lastKey < 0 ? lastKey : spec.begin.index + lastKey;
	}
	return {first, last, step: first === 0 ? 0 : 1, movable};
}

type PlaceSpec = KeySpec & {
	readonly begin: {readonly index: number};
	readonly find: {readonly lastKey: number; readonly step: number; readonly limit: number};
};

function isPlace(spec: KeySpec): spec is PlaceSpec {
	return (
		typeof spec.begin === 'object' &&
		'index' in spec.begin &&
		typeof spec.find === 'object' &&
		'lastKey' in spec.find
	);
}

/**
 * Adds the positions that one spec finds. Returns false when the arguments do not fit it (a count that is no
 * number or exceeds the arguments): the command will fail by itself.
 */
export function findKeys(spec: KeySpec, index: number, request: Request, found: KeyPositions): boolean {
	const {begin, find} = spec;
	if (begin === 'unknown' || find === 'unknown') return true;
	const {count} = request;
	const first = 'index' in begin ? begin.index : behindKeyword(request, begin.keyword, begin.startFrom);
	if (first <= 0 || first >= count) return true;

	if ('lastKey' in find) {
		const {lastKey, limit} = find;
		let last = lastKey >= 0 ? first + lastKey : count + lastKey;
		if (lastKey < 0 && limit > 1) last = first + Math.trunc((count - first) / limit) + lastKey;
		if (last >= count || last < first) return false;
		for (let at = first; at <= last; at += find.step) found.add(at, index);
		return true;
	}
	const countAt = first + find.countAt;
	if (countAt >= count) return false;
	const keys = parseSafeInteger(request.region.bytes, request.offsets[countAt]!, request.lengths[countAt]!);
	const keysAt = first + find.firstKey;
	if (!(keys > 0) || keysAt + (keys - 1) * find.step >= count) return false;
	for (let i = 0; i < keys; i++) found.add(keysAt + i * find.step, index);
	return true;
}

/** Position behind the word, 0 when it is not there. */
function behindKeyword(request: Request, keyword: string, startFrom: number): number {
	const {count} = request;
	if (startFrom > 0) {
		for (let at = startFrom; at < count - 1; at++) if (request.isWord(at, keyword)) return at + 1;
	} else {
		for (let at = count + startFrom; at > 1; at--) if (request.isWord(at, keyword)) return at + 1;
	}
	return 0;
}
