/**
 * What a record cannot hold in its block: JavaScript objects (lists, hashes, long byte strings), reached by an index
 * that the record carries. Grows by chunks, so that no growth copies what is there.
 */

const CHUNK_SHIFT = 10;
const CHUNK_LENGTH = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_LENGTH - 1;

interface Chunk {
	readonly objects: unknown[];
	/** The memory each object is charged with; of a free place, the index of the next free one, -1 for the last. */
	readonly bytes: Float64Array;
}

export class ObjectTable {
	readonly #chunks: Chunk[] = [];
	#firstFree = -1;
	#length = 0;
	#usedBytes = 0;

	/** The memory that all objects are charged with. */
	get usedBytes(): number {
		return this.#usedBytes;
	}

	/** Takes an object in and returns its index, 0 or more. @param bytes the memory to charge it with */
	add(object: unknown, bytes: number): number {
		let index = this.#firstFree;
		if (index < 0) {
			index = this.#length++;
			if ((index & CHUNK_MASK) === 0) {
				this.#chunks.push({
					objects: new Array<unknown>(CHUNK_LENGTH).fill(undefined),
					bytes: new Float64Array(CHUNK_LENGTH),
				});
			}
		} else {
			this.#firstFree = this.#chunk(index).bytes[index & CHUNK_MASK]!;
		}
		this.#usedBytes += bytes;
		const chunk = this.#chunk(index);
		chunk.objects[index & CHUNK_MASK] = object;
		chunk.bytes[index & CHUNK_MASK] = bytes;
		return index;
	}

	get(index: number): unknown {
		return this.#chunk(index).objects[index & CHUNK_MASK];
	}

	set(index: number, object: unknown): void {
		this.#chunk(index).objects[index & CHUNK_MASK] = object;
	}

	/** Lets go of an object. Its index may be given to another. */
	remove(index: number): void {
		const chunk = this.#chunk(index);
		this.#usedBytes -= chunk.bytes[index & CHUNK_MASK]!;
		chunk.objects[index & CHUNK_MASK] = undefined;
		chunk.bytes[index & CHUNK_MASK] = this.#firstFree;
		this.#firstFree = index;
	}

	bytesOf(index: number): number {
		return this.#chunk(index).bytes[index & CHUNK_MASK]!;
	}

	/** Charges an object that grew, or shrank, with so many bytes more. */
	charge(index: number, bytes: number): void {
		this.#usedBytes += bytes;
		this.#chunk(index).bytes[index & CHUNK_MASK]! += bytes;
	}

	#chunk(index: number): Chunk {
		return this.#chunks[index >>> CHUNK_SHIFT]!;
	}
}
