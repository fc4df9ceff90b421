/**
 * The job of a snapshot on a thread of the pool: chunks of records come in over a port, bytes of the image go out. Both are
 * transferred, not copied. Knows no files: whoever takes the image writes it.
 */
import type {MessagePort} from 'node:worker_threads';
import {type EncodingOptions, startEncoding} from './snapshot-encoding.ts';

export interface SnapshotJob {
	readonly port: MessagePort;
	readonly options: EncodingOptions;
}

/** To the job: a chunk, or that there is none any more, or that nobody wants the rest. */
export type ToSnapshotJob = Uint8Array<ArrayBuffer> | 'end' | 'cancel';
/** From the job: the bytes of the chunk, one message for each, and one more for the end. */
export type FromSnapshotJob = Uint8Array<ArrayBuffer>;

/** Resolves when the last bytes are on their way. */
export async function encodeSnapshot({port, options}: SnapshotJob): Promise<void> {
	const encoding = startEncoding(options);
	const give = (bytes: FromSnapshotJob): void => {
		port.postMessage(bytes, [bytes.buffer]);
	};
	await new Promise<void>((resolve, reject) => {
		port.on('message', (message: ToSnapshotJob) => {
			try {
				if (message === 'end') give(encoding.end());
				else if (message !== 'cancel') give(encoding.add(message));
				if (typeof message === 'string') resolve();
			} catch (error) {
				reject(error instanceof Error ? error : new Error(String(error)));
			}
		});
	});
	port.close();
}
