/**
 * The commands that a client queued behind MULTI: their bytes one after the other in one buffer, and where the arguments of
 * each stand in it.
 *
 *     buffer   | *3 $3 SET $1 a $1 1 | *2 $4 INCR $1 b |        copied once, when a command is queued
 *     places     start end  at length  at length ...             of each command
 */
import {allocateRegion, copyRegion, type Region} from '../lib/region.ts';
import type {Request} from '../resp/request.ts';
import {type Command, FLAG} from './command.ts';

const INITIAL_BYTES = 512;
/** What a queued command costs beside its bytes. */
const COMMAND_BYTES = 64;
const ARGUMENT_BYTES = 8;

interface Queued {
	readonly command: Command;
	/** Slot of its keys, -1 when it has none or there is no cluster. */
	readonly slot: number;
	readonly isInline: boolean;
	readonly start: number;
	readonly end: number;
	/** Offset and length of each argument. */
	readonly places: Int32Array;
}

/** Flags that forbid a command when it lacks them: EXEC has them only when all that it runs have. */
const PERMITS = FLAG.loading | FLAG.stale;
/** Flags that EXEC has when one of those that it runs has. */
const DEMANDS = FLAG.write | FLAG.readonly | FLAG.denyoom | FLAG.may_replicate;

export class Transaction {
	/** A command was refused when it was to be queued: EXEC runs none. */
	isAborted = false;
	/** First slot of a queued command with keys, -1 while there is none. */
	slot = -1;
	/** Whether another queued command has keys of another slot. */
	hasSeveralSlots = false;
	readonly #queued: Queued[] = [];
	#buffer: Region = allocateRegion(0);
	#length = 0;
	#argumentCount = 0;
	#anyFlags = 0;
	#allFlags = PERMITS;

	/** Number of queued commands. */
	get count(): number {
		return this.#queued.length;
	}

	/** Bytes of the queued commands. */
	get queuedBytes(): number {
		return this.#length;
	}

	/** What the transaction takes. */
	get memoryBytes(): number {
		return (
			this.#buffer.bytes.length + this.#queued.length * COMMAND_BYTES + this.#argumentCount * ARGUMENT_BYTES
		);
	}

	/** The flags of EXEC, which stand for those of all that it runs. */
	flagBitsOf(exec: Command): number {
		return (exec.flagBits & ~PERMITS) | (exec.flagBits & this.#allFlags) | (this.#anyFlags & DEMANDS);
	}

	/** @param request is copied */
	add(command: Command, request: Request): void {
		const length = request.end - request.start;
		const at = this.#reserve(length);
		copyRegion(request.region, request.start, this.#buffer, at, length);
		const {count} = request;
		const places = new Int32Array(count * 2);
		for (let i = 0; i < count; i++) {
			places[i * 2] = request.offsets[i]! - request.start + at;
			places[i * 2 + 1] = request.lengths[i]!;
		}
		const {slot} = request;
		if (slot >= 0) {
			if (this.slot < 0) this.slot = slot;
			else if (this.slot !== slot) this.hasSeveralSlots = true;
		}
		this.#argumentCount += count;
		this.#anyFlags |= command.flagBits;
		this.#allFlags &= command.flagBits;
		this.#queued.push({command, slot, isInline: request.inline, start: at, end: at + length, places});
	}

	command(index: number): Command {
		return this.#queued[index]!.command;
	}

	/** Makes `request` the queued one, in place: valid until the next `add`. */
	load(index: number, request: Request): void {
		const {slot, isInline, start, end, places} = this.#queued[index]!;
		const count = places.length / 2;
		request.reset();
		while (request.offsets.length < count) request.grow();
		request.region = this.#buffer;
		request.count = count;
		request.inline = isInline;
		request.start = start;
		request.end = end;
		request.slot = slot;
		for (let i = 0; i < count; i++) {
			request.offsets[i] = places[i * 2]!;
			request.lengths[i] = places[i * 2 + 1]!;
		}
	}

	/** Where so many bytes may be written. */
	#reserve(length: number): number {
		const at = this.#length;
		const end = at + length;
		this.#length = end;
		if (end <= this.#buffer.bytes.length) return at;
		const grown = allocateRegion(Math.max(INITIAL_BYTES, end, this.#buffer.bytes.length * 2));
		copyRegion(this.#buffer, 0, grown, 0, at);
		this.#buffer = grown;
		return at;
	}
}
