/**
 * Encodes snapshots on a thread beside the node's. The pool is made when it is first needed, so that a start pays nothing for
 * it; its one thread ends when it has been idle for a while, and with the node.
 */
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {MessageChannel, type MessagePort} from 'node:worker_threads';
import type {Piscina} from 'piscina';
import type {EncodingOptions} from './snapshot-encoding.ts';
import type {SnapshotEncoder} from './snapshot-encoder.ts';
import type {FromSnapshotJob, SnapshotJob, ToSnapshotJob} from './snapshot-job.ts';
import type {SnapshotSink} from './snapshot-port.ts';

/** The function of snapshot-job.ts. */
const JOB = 'encodeSnapshot' satisfies keyof typeof import('./snapshot-job.ts');
const IDLE_MS = 10_000;
/** What was given to the job and has not come back may be so much. */
const BEHIND_BYTES = 4 * 1024 * 1024;

export class SnapshotPool {
	#pool: Promise<Piscina> | null = null;

	encoder(options: EncodingOptions, sink: SnapshotSink): SnapshotEncoder {
		this.#pool ??= makePool();
		return new JobEncoder(this.#pool, options, sink);
	}

	/** Ends the thread, and a job with it. */
	async close(): Promise<void> {
		try {
			const pool = await this.#pool;
			await pool?.destroy();
		} catch {
			// There never was one: who wanted a snapshot was told.
		}
	}
}

async function makePool(): Promise<Piscina> {
	const {default: module} = await import('piscina');
	return new module.Piscina({
		filename: fileURLToPath(jobFile()),
		name: JOB,
		minThreads: 0,
		maxThreads: 1,
		idleTimeout: IDLE_MS,
		// The job hears of its chunks by messages: its thread must not sleep where it hears none.
		atomics: 'disabled',
		execArgv: [],
		trackUnmanagedFds: false,
	});
}

/** Beside the node's own file: bundled, or as it was compiled. */
function jobFile(): URL {
	const bundle = new URL('./snapshot-job.cjs', import.meta.url);
	return existsSync(bundle) ? bundle : new URL('./snapshot-job.js', import.meta.url);
}

class JobEncoder implements SnapshotEncoder {
	readonly #port: MessagePort;
	readonly #sink: SnapshotSink;
	/** Lengths of the chunks that the job has, in order. */
	readonly #lengths: number[] = [];
	#bytes = 0;
	#isOver = false;

	constructor(pool: Promise<Piscina>, options: EncodingOptions, sink: SnapshotSink) {
		const {port1, port2} = new MessageChannel();
		this.#port = port1;
		this.#sink = sink;
		port1.on('message', (bytes: FromSnapshotJob) => {
			this.#received(bytes);
		});
		const job: SnapshotJob = {port: port2, options};
		pool
			.then(async (ready) => ready.run(job, {transferList: [port2]}))
			.catch((error: unknown) => {
				this.#failed(error);
			});
	}

	get isBehind(): boolean {
		return this.#bytes > BEHIND_BYTES;
	}

	add(chunk: Uint8Array<ArrayBuffer>): void {
		if (this.#isOver) return;
		this.#lengths.push(chunk.length);
		this.#bytes += chunk.length;
		this.#post(chunk, [chunk.buffer]);
	}

	end(): void {
		if (!this.#isOver) this.#post('end');
	}

	cancel(): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#post('cancel');
		this.#port.close();
	}

	#post(message: ToSnapshotJob, transfer: ArrayBuffer[] = []): void {
		this.#port.postMessage(message, transfer);
	}

	#received(bytes: FromSnapshotJob): void {
		if (this.#isOver) return;
		const length = this.#lengths.shift();
		this.#bytes -= length ?? 0;
		if (bytes.length > 0) this.#sink.chunk(bytes);
		// The one that answers no chunk is the last.
		if (length !== undefined) return;
		this.#isOver = true;
		this.#port.close();
		this.#sink.end();
	}

	#failed(error: unknown): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#port.close();
		this.#sink.failed(error instanceof Error ? error.message : String(error));
	}
}
