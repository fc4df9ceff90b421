/**
 * Buffers and requests for commands that the end of a chunk cut, shared by the connections of a node: with pipelines
 * nearly every chunk cuts one, and a fresh buffer each time would cost more than the command.
 */
import {regionOf, type Region} from '../lib/region.ts';
import {Request} from '../resp/request.ts';

/** The common size: one chunk of 64 KB and the part of a command before it. Larger ones belong to one command. */
export const INPUT_BUFFER_BYTES = 128 * 1024;
const KEPT_COUNT = 32;

export class InputBuffers {
	readonly #regions: Region[] = [];
	readonly #requests: Request[] = [];

	take(bytes: number): Region {
		if (bytes > INPUT_BUFFER_BYTES) return regionOf(new Uint8Array(bytes));
		return this.#regions.pop() ?? regionOf(new Uint8Array(INPUT_BUFFER_BYTES));
	}

	/** The region is nobody's now. */
	give(region: Region): void {
		if (region.bytes.length === INPUT_BUFFER_BYTES && this.#regions.length < KEPT_COUNT)
			this.#regions.push(region);
	}

	takeRequest(): Request {
		return this.#requests.pop() ?? new Request();
	}

	giveRequest(request: Request): void {
		request.reset();
		if (this.#requests.length < KEPT_COUNT) this.#requests.push(request);
	}
}
