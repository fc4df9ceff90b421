/**
 * The declaration of a command: one value from which arity, parser, key positions, ACL categories, COMMAND
 * INFO and COMMAND DOCS are derived. A test compares all of it with the installed redis-server.
 *
 * The plain form: typed values come from the grammar, in order. Byte values are views, valid until `run`
 * returns. Errors are thrown (`throw WRONG_TYPE`) before anything is changed.
 *
 * ```ts
 * export const getRange = command({
 * 	name: 'getrange',
 * 	since: '2.4.0',
 * 	group: 'string',
 * 	flags: ['readonly'],
 * 	summary: 'Get a substring of the string stored at a key',
 * 	complexity: 'O(N) where N is the length of the returned string.',
 * 	args: [key(['RO', 'access']), integer('start'), integer('end')],
 * 	run({db, reply}, key, start, end) {
 * 		const ref = db.lookupKey(key);
 * 		...
 * 	},
 * });
 * ```
 *
 * The hot form, beside `run` or instead of it: reads the request itself and allocates nothing. It may refuse
 * what is not its form (options, rare types) by returning false before it replied or changed anything; then
 * the grammar and `run` take over.
 *
 * ```ts
 * export const exists = command({
 * 	...
 * 	args: [many(key(['RO']))],
 * 	inPlace({db, reply}, request) {
 * 		const {region} = request;
 * 		let count = 0;
 * 		for (let i = 1; i < request.count; i++) {
 * 			if (db.lookup(request.keySlot(i), region, request.offsets[i]!, request.lengths[i]!) !== 0) count++;
 * 		}
 * 		reply.integer(count);
 * 		return true;
 * 	},
 * });
 * ```
 *
 * A subcommand is a command of its own, named `client|kill`; its container `client` has neither `run` nor
 * `inPlace`. Each family file exports its list (`export const genericCommands: readonly Command[] = [...]`),
 * and families.ts lists the families.
 */

import type {Request} from '../resp/request.ts';
import {type Category, deriveCategories, type Group} from './acl-categories.ts';
import {type Arg, type ArgValues, Cursor} from './args.ts';
import type {Context} from './context.ts';
import {CommandError, SYNTAX_ERROR, WRONG_ARITY, wrongArity} from './errors.ts';
import {
	deriveKeySpecs,
	findKeys,
	type KeyFlag,
	type KeyPositions,
	type KeySpec,
	keyRange,
} from './key-specs.ts';

/** Bits of `Command.flagBits`, in the order in which COMMAND INFO prints the flags. */
export const FLAG = {
	write: 1 << 0,
	readonly: 1 << 1,
	denyoom: 1 << 2,
	admin: 1 << 3,
	pubsub: 1 << 4,
	noscript: 1 << 5,
	blocking: 1 << 6,
	loading: 1 << 7,
	stale: 1 << 8,
	skip_monitor: 1 << 9,
	skip_slowlog: 1 << 10,
	asking: 1 << 11,
	fast: 1 << 12,
	no_auth: 1 << 13,
	may_replicate: 1 << 14,
	no_mandatory_keys: 1 << 15,
	no_async_loading: 1 << 16,
	no_multi: 1 << 17,
	/** Derived: the keys are not all told by first, last and step. */
	movablekeys: 1 << 18,
	allow_busy: 1 << 19,
} as const;
export type Flag = keyof typeof FLAG;
export const FLAGS = Object.keys(FLAG) as readonly Flag[];

export interface CommandFacts {
	/** In lower case; `container|name` for a subcommand. */
	readonly name: string;
	readonly since: string;
	readonly group: Group;
	readonly flags: readonly Exclude<Flag, 'movablekeys'>[];
	readonly summary: string;
	readonly complexity?: string;
	readonly history?: readonly (readonly [version: string, change: string])[];
	/** Hints of COMMAND INFO: `nondeterministic_output`, `request_policy:all_shards` ... */
	readonly tips?: readonly string[];
	readonly docFlags?: readonly ('deprecated' | 'syscmd')[];
	readonly deprecatedSince?: string;
	readonly replacedBy?: string;

	// Only where Redis deviates from what the rest implies:

	readonly arity?: number;
	readonly keySpecs?: readonly KeySpec[];
	/** In place of the group's category. */
	readonly categories?: readonly Category[];
	/** In place of `args` in COMMAND DOCS. */
	readonly documentedArgs?: readonly Arg<unknown>[];
	/** Flags of the keys of a spec with `variable_flags`, as this request uses them. */
	readonly keyFlagsOf?: (request: Request) => readonly KeyFlag[];
	/** Finds the keys that no spec tells (SORT ... STORE). False when the arguments make no sense. */
	readonly findKeys?: (request: Request, found: KeyPositions) => boolean;
}

export interface CommandSpec<A extends readonly Arg<unknown>[]> extends CommandFacts {
	readonly args?: A;
	/** Writes the reply, or throws before it changed anything. The values are those of `args`, in order. */
	readonly run?: (context: Context, ...values: ArgValues<A>) => void;
	/** The hot form: allocates nothing. Returns false, before it did anything, to leave the request to `run`. */
	readonly inPlace?: (context: Context, request: Request) => boolean;
}

const cursor = new Cursor();

/** One declared command. Immutable but for its place in the table. */
export class Command {
	/** As in COMMAND INFO: `set`, `client|kill`. */
	readonly name: string;
	readonly facts: CommandFacts;
	readonly args: readonly Arg<unknown>[];
	/** Exact number of arguments, the name included; negative: at least as many. */
	readonly arity: number;
	readonly flagBits: number;
	/** In the order of COMMAND INFO. */
	readonly flags: readonly Flag[];
	readonly categories: readonly Category[];
	readonly keySpecs: readonly KeySpec[];
	/** First, last and step of COMMAND INFO; 0 when no key has a fixed place. */
	readonly firstKey: number;
	readonly lastKey: number;
	readonly keyStep: number;
	/** `first`, `last` and `step` tell all keys (or there are none): the executor needs no `collectKeys`. */
	readonly hasPlainKeys: boolean;
	/** Never run by itself. */
	readonly isContainer: boolean;
	/** Dense number in the table, for figures kept in arrays. Set by the table. */
	id = -1;
	/** Of a subcommand. Set by the table. */
	parent: Command | null = null;
	/** In the order of declaration. Set by the table. */
	readonly subcommands: Command[] = [];

	readonly #least: number;
	readonly #most: number;
	readonly #words: number;
	/** What the arguments behind each one need at least. */
	readonly #tails: readonly number[];
	readonly #run: ((context: Context, ...values: unknown[]) => void) | null;
	readonly #inPlace: ((context: Context, request: Request) => boolean) | null;

	constructor(
		facts: CommandFacts,
		args: readonly Arg<unknown>[],
		run: ((context: Context, ...values: unknown[]) => void) | null,
		inPlace: ((context: Context, request: Request) => boolean) | null,
	) {
		this.name = facts.name;
		this.facts = facts;
		this.args = args;
		this.isContainer = run === null && inPlace === null;
		this.#words = facts.name.split('|').length;
		this.arity = facts.arity ?? deriveArity(args, this.#words, this.isContainer);
		this.#least = Math.abs(this.arity);
		this.#most = this.arity > 0 ? this.arity : Infinity;
		this.#tails = args.map((_, i) => args.slice(i + 1).reduce((sum, later) => sum + later.min, 0));
		this.#run = run;
		this.#inPlace = inPlace;

		this.keySpecs = facts.keySpecs ?? deriveKeySpecs(args, this.#words);
		const range = keyRange(this.keySpecs);
		this.firstKey = range.first;
		this.lastKey = range.last;
		this.keyStep = range.step;
		// Sharded channels are routed as keys are, though they are none.
		const areKeys =
			facts.group === 'pubsub' || this.keySpecs.every((spec) => !spec.flags.includes('not_key'));
		this.hasPlainKeys = !range.movable && areKeys && facts.findKeys === undefined;
		const declared: readonly Flag[] = range.movable ? [...facts.flags, 'movablekeys'] : facts.flags;
		this.flags = FLAGS.filter((flag) => declared.includes(flag));
		this.flagBits = this.flags.reduce((bits, flag) => bits | FLAG[flag], 0);
		this.categories = deriveCategories({...facts, isContainer: this.isContainer});
	}

	has(flag: Flag): boolean {
		return (this.flagBits & FLAG[flag]) !== 0;
	}

	/** Whether so many arguments, the name included, fit the arity. */
	acceptsCount(count: number): boolean {
		return count >= this.#least && count <= this.#most;
	}

	/**
	 * Runs the request that `context.request` holds; its arity was checked. True: by the hot form.
	 * @throws CommandError with the line to reply with, in place of what was replied so far
	 */
	execute(context: Context): boolean {
		if (this.#inPlace !== null && this.#inPlace(context, context.request)) return true;
		this.#parseAndRun(context);
		return false;
	}

	/**
	 * The positions of the request's keys, in order. False when the arguments do not fit the specs: then the
	 * command will fail by itself and has no keys. Allocates nothing.
	 */
	collectKeys(request: Request, found: KeyPositions): boolean {
		found.count = 0;
		if (this.facts.findKeys !== undefined) return this.facts.findKeys(request, found);
		for (let i = 0; i < this.keySpecs.length; i++) {
			const spec = this.keySpecs[i]!;
			if (spec.flags.includes('not_key')) continue;
			if (!findKeys(spec, i, request, found)) {
				found.count = 0;
				return false;
			}
		}
		return true;
	}

	#parseAndRun(context: Context): void {
		const {request} = context;
		const {args} = this;
		const values = new Array<unknown>(args.length);
		cursor.request = request;
		cursor.at = this.#words;
		cursor.lateError = null;
		try {
			for (let i = 0; i < args.length; i++) {
				cursor.end = request.count - this.#tails[i]!;
				values[i] = args[i]!.read(cursor);
			}
			if (cursor.at !== request.count) throw SYNTAX_ERROR;
			if (cursor.lateError !== null) throw cursor.lateError;
		} catch (error) {
			throw error === WRONG_ARITY ? new CommandError(wrongArity(this.name)) : error;
		}
		this.#run!(context, ...values);
	}
}

/** Declares a command; see the head of this file. */
export function command<const A extends readonly Arg<unknown>[] = readonly []>(
	spec: CommandSpec<A>,
): Command {
	const {args, run, inPlace, ...facts} = spec;
	return new Command(
		facts,
		args ?? [],
		(run as ((context: Context, ...values: unknown[]) => void) | undefined) ?? null,
		inPlace ?? null,
	);
}

function deriveArity(args: readonly Arg<unknown>[], words: number, isContainer: boolean): number {
	if (isContainer) return -2;
	const least = words + args.reduce((sum, arg) => sum + arg.min, 0);
	const most = words + args.reduce((sum, arg) => sum + arg.max, 0);
	return least === most ? least : -least;
}
