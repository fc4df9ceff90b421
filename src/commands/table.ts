/**
 * The command table: from the bytes of a command's name in the read buffer to its declaration, without a
 * string.
 *
 * ```
 *  first and last 4 bytes with letters folded, length ──hash──▶ Int32Array of index + 1, 0 = free, linear probing
 *                                                               └▶ verified byte by byte against the upper-case name
 * ```
 */

import {latin1ToBytes} from '../lib/bytes.ts';
import {type Region, regionOf} from '../lib/region.ts';
import type {Request} from '../resp/request.ts';
import type {Command} from './command.ts';
import {unknownCommand, unknownSubcommand} from './errors.ts';

export class CommandTable {
	/** Commands without subcommands' own entries, in the order of declaration. */
	readonly commands: readonly Command[];
	/** All of them, subcommands behind their container; a command's `id` is its index here. */
	readonly all: readonly Command[];
	readonly #index: NameIndex;
	/** Subcommands of the command with that id, null where it has none. */
	readonly #subcommands: readonly (NameIndex | null)[];
	readonly #byName: ReadonlyMap<string, Command>;

	/**
	 * @param declared in any order; links subcommands to their containers, so a command belongs to one table
	 * only
	 */
	constructor(declared: readonly Command[]) {
		const tops = declared.filter(({name}) => !name.includes('|'));
		const byName = new Map(declared.map((command) => [command.name, command]));
		if (byName.size !== declared.length) throw new Error('A command is declared twice.');
		for (const command of tops) command.subcommands.length = 0;
		for (const command of declared) {
			const [container, sub] = command.name.split('|');
			if (sub === undefined) continue;
			const parent = byName.get(container!);
			if (parent === undefined) throw new Error(`${command.name} has no container.`);
			command.parent = parent;
			parent.subcommands.push(command);
		}
		this.commands = tops;
		this.all = tops.flatMap((command) => [command, ...command.subcommands]);
		for (let id = 0; id < this.all.length; id++) this.all[id]!.id = id;
		this.#byName = byName;
		this.#index = new NameIndex(tops);
		this.#subcommands = this.all.map(({subcommands}) =>
			subcommands.length > 0 ? new NameIndex(subcommands) : null,
		);
	}

	/**
	 * The command that the request names, a subcommand where its second argument names one; null when there
	 * is none (see `notFound`). A container alone is found itself and fails by its arity.
	 */
	find(request: Request): Command | null {
		const {region} = request;
		const command = this.#index.find(region, request.offsets[0]!, request.lengths[0]!);
		if (command === null) return null;
		const subcommands = this.#subcommands[command.id]!;
		if (subcommands === null || request.count === 1) return command;
		return subcommands.find(region, request.offsets[1]!, request.lengths[1]!);
	}

	/** The error line for a request that `find` found nothing for. */
	notFound(request: Request): string {
		const container = this.#index.find(request.region, request.offsets[0]!, request.lengths[0]!);
		return container === null ? unknownCommand(request) : unknownSubcommand(request);
	}

	/** By the name of COMMAND INFO (`set`, `client|kill`), in any ASCII case. */
	named(name: string): Command | undefined {
		return this.#byName.get(name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()));
	}
}

/** Open-addressed, built once, at most a quarter full: a probe or two. */
class NameIndex {
	readonly #slots: Int32Array;
	readonly #mask: number;
	/** In upper case. */
	readonly #names: Uint8Array[] = [];
	readonly #commands: Command[] = [];

	constructor(commands: readonly Command[]) {
		const capacity = 2 ** Math.ceil(Math.log2(commands.length * 4 + 4));
		this.#slots = new Int32Array(capacity);
		this.#mask = capacity - 1;
		for (const command of commands) {
			const name = latin1ToBytes(command.name.split('|').at(-1)!.toUpperCase());
			let at = hashName(regionOf(name), 0, name.length) & this.#mask;
			while (this.#slots[at] !== 0) at = (at + 1) & this.#mask;
			this.#slots[at] = this.#commands.push(command);
			this.#names.push(name);
		}
	}

	find(region: Region, at: number, length: number): Command | null {
		const {bytes} = region;
		let slot = hashName(region, at, length) & this.#mask;
		for (;;) {
			const index = this.#slots[slot]! - 1;
			if (index < 0) return null;
			if (isName(this.#names[index]!, bytes, at, length)) return this.#commands[index]!;
			slot = (slot + 1) & this.#mask;
		}
	}
}

/**
 * Clears the bit that tells a from A in four bytes at once. It folds some other signs together too, which
 * `isName` tells apart.
 */
const FOLD_4 = 0xdfdf_dfdf | 0;

/**
 * Of the first four bytes and of the last four, which overlap in short names: one read each tells most names
 * apart.
 */
function hashName({bytes, view}: Region, at: number, length: number): number {
	let first = 0;
	let last = 0;
	if (length >= 4) {
		first = view.getInt32(at, true) & FOLD_4;
		last = view.getInt32(at + length - 4, true) & FOLD_4;
	} else {
		for (let i = 0; i < length; i++) first = (first << 8) | (bytes[at + i]! & 0xdf);
	}
	const hash = Math.imul(first ^ Math.imul(last, 0x85eb_ca6b) ^ length, 0x9e37_79b1);
	return hash ^ (hash >>> 15);
}

function isName(name: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
	if (length !== name.length) return false;
	for (let i = 0; i < length; i++) {
		const byte = bytes[at + i]!;
		if (byte !== name[i] && (byte < 0x61 || byte > 0x7a || byte - 0x20 !== name[i])) return false;
	}
	return true;
}
