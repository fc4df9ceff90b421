/**
 * Reads the commands of a chunk, a few ahead of the one that runs: then the memory waits of their look-ups overlap. With a
 * million keys a look-up waits some 300 ns for memory, about as long as all the rest of a pipelined command takes.
 *
 *     | SET a .. | GET b | GET c | SET d .. | SE         the chunk
 *       ^ runs     ^ read ahead, their keys prefetched
 *
 * What was read ahead and not run (a command closed the connection, or had to wait) is forgotten and read again later.
 */
import type {Client} from '../commands/client.ts';
import {EXPECTED_LIMIT} from '../data/expected-keys.ts';
import type {Keyspace} from '../data/keyspace.ts';
import type {Region} from '../lib/region.ts';
import type {Request} from '../resp/request.ts';
import {COMPLETE, type ParseStatus, RequestParser} from '../resp/request-parser.ts';
import type {InputBuffers} from './input-buffers.ts';

const STAR = 0x2a;

export class CommandReader {
	readonly parser = new RequestParser();
	/** The command that `read` found, or began to find. */
	request: Request;
	readonly #inputs: InputBuffers;
	readonly #databases: readonly Keyspace[];
	readonly #requests: Request[];
	/** Commands `[#next, #count)` of `#requests` are complete and were not asked for yet. */
	#next = 0;
	#count = 0;
	/** Where keys are expected. */
	#expecting: Keyspace | null = null;

	constructor(inputs: InputBuffers, databases: readonly Keyspace[]) {
		this.#inputs = inputs;
		this.#databases = databases;
		this.#requests = Array.from({length: EXPECTED_LIMIT}, () => inputs.takeRequest());
		this.request = this.#requests[0]!;
	}

	/**
	 * The status of the command at `at`, which is then in `request`. Between the reads of one chunk its bytes stay where
	 * they are; `forget` comes before they change.
	 */
	read(client: Client, region: Region, at: number, end: number): ParseStatus {
		if (this.#next < this.#count) {
			this.request = this.#requests[this.#next++]!;
			return COMPLETE;
		}
		this.#next = 0;
		this.#count = 0;
		this.parser.limits.authenticated = client.authenticated;
		const request = this.#requests[0]!;
		this.request = request;
		const status = this.parser.parse(request, region, at, end);
		// A client that may become another one by its next command, and words that are decoded in place, wait for their turn.
		if (status === COMPLETE && request.end < end && client.authenticated && !request.inline) {
			this.#readAhead(client, region, request.end, end);
		}
		return status;
	}

	#readAhead(client: Client, region: Region, from: number, end: number): void {
		const requests = this.#requests;
		let at = from;
		let count = 1;
		while (count < requests.length && at < end && region.bytes[at] === STAR) {
			const request = requests[count]!;
			if (this.parser.parse(request, region, at, end) !== COMPLETE) {
				// Cut, or wrong: that is found out again when it is its turn.
				request.reset();
				break;
			}
			at = request.end;
			count++;
		}
		this.#next = 1;
		this.#count = count;
		if (count > 1) this.#prefetch(this.#databases[client.databaseIndex]!, region);
	}

	/** Most commands that have keys have the first behind their name. For others it is a look in vain. */
	#prefetch(db: Keyspace, region: Region): void {
		// Another database may be selected than where keys were expected last: what stays there would outlive its bytes.
		this.#expecting?.expectNothing();
		this.#expecting = db;
		for (let i = 0; i < this.#count; i++) {
			const request = this.#requests[i]!;
			if (request.count > 1) db.expect(request.keySlot(1), region, request.offsets[1]!, request.lengths[1]!);
		}
		db.prefetch();
	}

	/** `request` is its taker's now. */
	giveAway(): Request {
		const request = this.request;
		const index = this.#requests.indexOf(request);
		this.#requests[index] = this.#inputs.takeRequest();
		return request;
	}

	/** The chunk is done with, or will be read again: its bytes may change. */
	forget(): void {
		this.#next = 0;
		this.#count = 0;
		this.#expecting?.expectNothing();
		this.#expecting = null;
	}
}
