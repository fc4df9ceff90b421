/**
 * The argument grammar: values that describe a command's arguments. One description yields the parser (typed
 * values for the handler), the arity, the key specs and the arguments of COMMAND DOCS.
 *
 * Arguments are read from left to right; the first one that does not fit throws the `CommandError` that Redis
 * answers with. Byte values are views of the read buffer: valid until the handler returns.
 */

import {latin1} from '../lib/bytes.ts';
import {parseInt64, parseUint} from '../lib/integers.ts';
import type {Request} from '../resp/request.ts';
import {type CommandError, NOT_A_FLOAT, NOT_AN_INTEGER, OUT_OF_RANGE, SYNTAX_ERROR} from './errors.ts';
import type {KeyFlag} from './key-specs.ts';

/** The walk over the arguments of one request. Reused. */
export class Cursor {
	request!: Request;
	/** Index of the next argument. */
	at = 0;
	/** Where the arguments end that the present one may take: later ones keep what they need at least. */
	end = 0;
	/** First failure of a value that is reported only when everything else fits, see `late`. */
	lateError: CommandError | null = null;

	/** Index of the next argument, which is consumed. */
	take(): number {
		if (this.at >= this.end) throw SYNTAX_ERROR;
		return this.at++;
	}

	/** Consumes the next argument if it is the word (in upper case). */
	takeWord(word: string): boolean {
		if (!this.isAtWord(word)) return false;
		this.at++;
		return true;
	}

	isAtWord(word: string): boolean {
		return this.at < this.end && this.request.isWord(this.at, word);
	}
}

/** As COMMAND DOCS prints it. */
export type ArgType =
	| 'key'
	| 'string'
	| 'integer'
	| 'double'
	| 'unix-time'
	| 'pattern'
	| 'pure-token'
	| 'oneof'
	| 'block';

/** What the docs tell of an argument beyond its shape. */
export interface ArgFacts {
	/** The name in the docs, where it is not the default one. */
	readonly name?: string;
	readonly summary?: string;
	readonly since?: string;
	readonly deprecatedSince?: string;
	/** Index of the key spec that finds this argument, where it is not the next one in order. */
	readonly spec?: number;
}

export interface Arg<T> {
	readonly type: ArgType;
	readonly name: string;
	/** Arguments consumed at least and at most; `Infinity` when it repeats. */
	readonly min: number;
	readonly max: number;
	/** The word that introduces it, in upper case. */
	readonly token?: string;
	readonly facts: ArgFacts;
	readonly isOptional?: boolean;
	readonly isMultiple?: boolean;
	/** Each repetition is introduced by the token again. */
	readonly repeatsToken?: boolean;
	readonly keyFlags?: readonly KeyFlag[];
	readonly keyNotes?: string;
	/** The number of keys precedes the keys. */
	readonly countsKeys?: boolean;
	/** Members of a block, alternatives, options. */
	readonly parts?: readonly Arg<unknown>[];
	/** Stands for these in the docs: options are listed one by one, hand-made parsers say what they read. */
	readonly documentedAs?: readonly Arg<unknown>[];
	/** Whether the next argument begins this one. */
	accepts(cursor: Cursor): boolean;
	/** @param previous the value of an earlier occurrence among options */
	read(cursor: Cursor, previous?: unknown): T;
}

export type ArgValue<A> = A extends Arg<infer T> ? T : never;
export type ArgValues<A extends readonly Arg<unknown>[]> = {[I in keyof A]: ArgValue<A[I]>};

/** An argument that begins with a token. */
export type Tokened<T> = Arg<T> & {readonly token: string};

function hasMore(cursor: Cursor): boolean {
	return cursor.at < cursor.end;
}

function single<T>(type: ArgType, name: string, facts: ArgFacts, read: (cursor: Cursor) => T): Arg<T> {
	return {type, name, min: 1, max: 1, facts, accepts: hasMore, read};
}

const readBytes = (cursor: Cursor): Uint8Array => cursor.request.bytes(cursor.take());

// Single arguments

export interface KeyFacts extends ArgFacts {
	/** Notes of the key spec. */
	readonly notes?: string;
}

/** A key; the flags say what the command does with it. */
export function key(flags: readonly KeyFlag[], facts: KeyFacts = {}): Arg<Uint8Array> {
	return {
		...single('key', 'key', facts, readBytes),
		keyFlags: flags,
		...(facts.notes === undefined ? {} : {keyNotes: facts.notes}),
	};
}

/** Any bytes. */
export const bytes = (name: string, facts: ArgFacts = {}): Arg<Uint8Array> =>
	single('string', name, facts, readBytes);

/** A glob pattern, as bytes. */
export const pattern = (name = 'pattern', facts: ArgFacts = {}): Arg<Uint8Array> =>
	single('pattern', name, facts, readBytes);

/** Decoded as UTF-8, for names of parameters and the like. */
export const text = (name: string, facts: ArgFacts = {}): Arg<string> =>
	single('string', name, facts, (cursor) => cursor.request.text(cursor.take()));

export interface IntegerFacts extends ArgFacts {
	readonly least?: number;
	readonly most?: number;
	/** Thrown when the argument is no 64-bit integer. */
	readonly error?: CommandError;
	/** Thrown when it is one outside `least` and `most`. */
	readonly rangeError?: CommandError;
	/**
	 * Complain only when everything behind it fits the grammar, as commands do that look at their options
	 * first.
	 */
	readonly late?: boolean;
}

/**
 * A 64-bit integer as a number; beyond 2^53 the nearest one, which is good for limits and times (`int64` is
 * exact). Redis's reading: no sign but minus, no leading zeros, no spaces.
 */
export const integer = (name: string, facts: IntegerFacts = {}): Arg<number> =>
	numeric('integer', name, facts, Number);

/** A 64-bit integer, exact: a bigint beyond 2^53. */
export const int64 = (name: string, facts: IntegerFacts = {}): Arg<number | bigint> =>
	numeric('integer', name, facts, (value) => value);

/** A point in time, exact as `int64`. */
export const unixTime64 = (name: string, facts: IntegerFacts = {}): Arg<number | bigint> =>
	numeric('unix-time', name, facts, (value) => value);

/** A point in time, read as `integer`. */
export const unixTime = (name: string, facts: IntegerFacts = {}): Arg<number> =>
	numeric('unix-time', name, facts, Number);

function numeric<T extends number | bigint>(
	type: ArgType,
	name: string,
	facts: IntegerFacts,
	convert: (value: number | bigint) => T,
): Arg<T> {
	const {least = -Infinity, most = Infinity, error = NOT_AN_INTEGER, rangeError = OUT_OF_RANGE} = facts;
	return single(type, name, facts, (cursor) => {
		const {request} = cursor;
		const at = cursor.take();
		const value = parseInt64(request.region.bytes, request.offsets[at]!, request.lengths[at]!);
		if (value !== null && value >= least && value <= most) return convert(value);
		const failure = value === null ? error : rangeError;
		if (facts.late !== true) throw failure;
		cursor.lateError ??= failure;
		return convert(0);
	});
}

export interface DoubleFacts extends ArgFacts {
	readonly error?: CommandError;
	readonly late?: boolean;
}

/** A finite or infinite float as strtod() reads it; NaN is none. */
export function double(name: string, facts: DoubleFacts = {}): Arg<number> {
	const {error = NOT_A_FLOAT} = facts;
	return single('double', name, facts, (cursor) => {
		const value = parseDouble(cursor.request.bytes(cursor.take()));
		if (!Number.isNaN(value)) return value;
		if (facts.late !== true) throw error;
		cursor.lateError ??= error;
		return 0;
	});
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)(?:p([+-]?\d+))?$/i;
const INFINITE = /^([+-]?)inf(inity)?$/i;

/** NaN when the bytes are not a float by themselves. Decimal, hexadecimal and infinite forms of strtod(). */
export function parseDouble(token: Uint8Array): number {
	// Longer ones do not fit the buffer that Redis reads them from.
	if (token.length === 0 || token.length > 255) return Number.NaN;
	const written = latin1(token);
	if (DECIMAL.test(written)) return Number(written);
	const infinite = INFINITE.exec(written);
	if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
	const hexadecimal = HEXADECIMAL.exec(written);
	if (hexadecimal === null) return Number.NaN;
	const [, sign, whole = '', fraction = '', exponent = '0'] = hexadecimal;
	if (whole.length + fraction.length === 0) return Number.NaN;
	const magnitude = Number(`0x${whole}${fraction}`) * 2 ** (Number(exponent) - 4 * fraction.length);
	return sign === '-' ? -magnitude : magnitude;
}

/** `numkeys key [key ...]` */
export function countedKeys(
	flags: readonly KeyFlag[],
	facts: KeyFacts & {readonly error?: CommandError} = {},
): Arg<readonly Uint8Array[]> {
	const one = key(flags, facts);
	return {
		...one,
		min: 2,
		max: Infinity,
		countsKeys: true,
		documentedAs: [integer('numkeys'), many(one)],
		read(cursor) {
			const {request} = cursor;
			const at = cursor.take();
			const count = parseUint(request.region.bytes, request.offsets[at]!, request.lengths[at]!);
			if (count <= 0) throw facts.error ?? NOT_AN_INTEGER;
			if (count > cursor.end - cursor.at) throw SYNTAX_ERROR;
			return Array.from({length: count}, () => readBytes(cursor));
		},
	};
}

// Words

export interface FlagFacts<T> extends ArgFacts {
	/** The value when the word is there; `true` unless given. */
	readonly value?: T;
}

/** A word that is there or not: `flag('NX')`. Its name in the docs is the word in lower case. */
export function flag(token: string, facts?: ArgFacts): Tokened<true>;
export function flag<const T>(token: string, facts: FlagFacts<T> & {readonly value: T}): Tokened<T>;
export function flag(token: string, facts: FlagFacts<unknown> = {}): Tokened<unknown> {
	const value = facts.value ?? true;
	return {
		type: 'pure-token',
		name: token.toLowerCase(),
		min: 1,
		max: 1,
		token,
		facts,
		accepts: (cursor) => cursor.isAtWord(token),
		read(cursor) {
			if (!cursor.takeWord(token)) throw SYNTAX_ERROR;
			return value;
		},
	};
}

/** An argument behind a word: `named('EX', integer('seconds'))`. */
export function named<T>(token: string, arg: Arg<T>, facts: ArgFacts = {}): Tokened<T> {
	return {
		...arg,
		token,
		min: arg.min + 1,
		max: arg.max + 1,
		facts: {...arg.facts, ...facts},
		accepts: (cursor) => cursor.isAtWord(token),
		read(cursor, previous) {
			if (!cursor.takeWord(token)) throw SYNTAX_ERROR;
			return arg.read(cursor, previous);
		},
	};
}

// Combinations

export type Fields = {readonly [field: string]: Arg<unknown>};
type FieldValues<F extends Fields> = {-readonly [K in keyof F]: ArgValue<F[K]>};

/**
 * Several arguments in order; the value is an object of them: `block('data', {key: key([...]), value:
 * bytes('value')})`.
 */
export function block<const F extends Fields>(
	name: string,
	fields: F,
	facts: ArgFacts = {},
): Arg<FieldValues<F>> {
	const entries = Object.entries(fields);
	const first = entries[0]![1];
	return {
		type: 'block',
		name,
		min: sum(entries.map(([, part]) => part.min)),
		max: sum(entries.map(([, part]) => part.max)),
		facts,
		parts: Object.values(fields),
		accepts: (cursor) => first.accepts(cursor),
		read(cursor) {
			const values: Record<string, unknown> = {};
			for (const [field, part] of entries) values[field] = part.read(cursor);
			return values as FieldValues<F>;
		},
	};
}

type ChoiceValue<F extends Fields> = {
	[K in keyof F]: {readonly kind: K; readonly value: ArgValue<F[K]>};
}[keyof F];

/**
 * Exactly one of several: `oneOf('condition', {nx: flag('NX'), xx: flag('XX')})` is `{kind: 'nx', value:
 * true}` or `{kind: 'xx', value: true}`. Among `options`, one alternative excludes the others.
 */
export function oneOf<const F extends Fields>(
	name: string,
	choices: F,
	facts: ArgFacts = {},
): Arg<ChoiceValue<F>> {
	const kinds = Object.keys(choices);
	const parts = Object.values(choices);
	return {
		type: 'oneof',
		name,
		min: Math.min(...parts.map(({min}) => min)),
		max: Math.max(...parts.map(({max}) => max)),
		facts,
		parts,
		accepts: (cursor) => firstThatAccepts(parts, cursor) >= 0,
		read(cursor, previous) {
			const found = firstThatAccepts(parts, cursor);
			if (found < 0) throw SYNTAX_ERROR;
			const before = previous as ChoiceValue<F> | undefined;
			if (before !== undefined && before.kind !== kinds[found]) throw SYNTAX_ERROR;
			return {kind: kinds[found], value: parts[found]!.read(cursor)} as ChoiceValue<F>;
		},
	};
}

function firstThatAccepts(parts: readonly Arg<unknown>[], cursor: Cursor): number {
	for (let i = 0; i < parts.length; i++) if (parts[i]!.accepts(cursor)) return i;
	return -1;
}

/** Undefined when the next argument does not begin it. */
export function optional<T>(arg: Arg<T>): Arg<T | undefined> {
	return {
		...arg,
		min: 0,
		isOptional: true,
		read: (cursor, previous) => (arg.accepts(cursor) ? arg.read(cursor, previous) : undefined),
	};
}

/**
 * One or more, up to what later arguments need. With a token, each repetition bears it.
 * @param options.cut thrown instead of a syntax error when the arguments end within a block (`WRONG_ARITY`
 * for MSET)
 */
export function many<T>(arg: Arg<T>, options: {readonly cut?: CommandError} = {}): Arg<readonly T[]> {
	return {
		...arg,
		max: Infinity,
		isMultiple: true,
		...(arg.token === undefined ? {} : {repeatsToken: true}),
		read(cursor, previous) {
			const values: T[] = [...((previous as readonly T[] | undefined) ?? [])];
			do {
				if (options.cut !== undefined && cursor.end - cursor.at < arg.min) throw options.cut;
				values.push(arg.read(cursor));
			} while (arg.accepts(cursor));
			return values;
		},
	};
}

export type OptionValues<F extends Fields> = {readonly [K in keyof F]?: ArgValue<F[K]>};

/**
 * Options in any order up to the end: `options({condition: oneOf(...), get: flag('GET')})`; absent ones are
 * absent in the value. As in Redis, an option that comes again counts anew, and alternatives exclude each
 * other.
 */
export function options<const F extends Fields>(fields: F): Arg<OptionValues<F>> {
	const names = Object.keys(fields);
	const parts = Object.values(fields);
	return {
		type: 'block',
		name: 'options',
		min: 0,
		max: Infinity,
		facts: {},
		parts,
		documentedAs: parts.map((part) => ({...part, isOptional: true})),
		accepts: hasMore,
		read(cursor) {
			const values: Record<string, unknown> = {};
			while (cursor.at < cursor.end) {
				const found = firstThatAccepts(parts, cursor);
				if (found < 0) throw SYNTAX_ERROR;
				const name = names[found]!;
				values[name] = parts[found]!.read(cursor, values[name]);
			}
			return values as OptionValues<F>;
		},
	};
}

/** Arguments with a reader of their own, for grammars that no combination says. */
export function custom<T>(
	documentedAs: readonly Arg<unknown>[],
	shape: {readonly min: number; readonly max: number; readonly read: (cursor: Cursor) => T},
): Arg<T> {
	return {type: 'block', name: 'arguments', facts: {}, documentedAs, accepts: hasMore, ...shape};
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
