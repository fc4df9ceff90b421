/** Encodes the chunks of a snapshot in the node's own thread, for little data. (On another thread: snapshot-pool.ts.) */
import type {SnapshotEncoding} from './snapshot-encoding.ts';
import type {SnapshotSink} from './snapshot-port.ts';

/** Takes chunks in order and gives the image's bytes to its sink; `end` and `failed` of the sink come from it too. */
export interface SnapshotEncoder {
	/** True: nothing should be added for now. What must be added still may. */
	readonly isBehind: boolean;
	/** The chunk is the encoder's to keep. */
	add(chunk: Uint8Array<ArrayBuffer>): void;
	/** Nothing more will be added. */
	end(): void;
	/** Nothing more is wanted, and nothing is given any more. */
	cancel(): void;
}

export class LocalEncoder implements SnapshotEncoder {
	readonly isBehind = false;
	readonly #encoding: SnapshotEncoding;
	readonly #sink: SnapshotSink;
	#isCancelled = false;

	constructor(encoding: SnapshotEncoding, sink: SnapshotSink) {
		this.#encoding = encoding;
		this.#sink = sink;
	}

	add(chunk: Uint8Array<ArrayBuffer>): void {
		if (!this.#isCancelled) this.#give(this.#encoding.add(chunk));
	}

	end(): void {
		if (this.#isCancelled) return;
		this.#give(this.#encoding.end());
		this.#sink.end();
	}

	cancel(): void {
		this.#isCancelled = true;
	}

	#give(bytes: Uint8Array<ArrayBuffer>): void {
		if (bytes.length > 0) this.#sink.chunk(bytes);
	}
}
