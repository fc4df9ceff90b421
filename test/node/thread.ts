/** A node's worker thread from start to end as its launcher sees it: also one that cannot start, or that dies. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Worker} from 'node:worker_threads';
import type {FromNode, NodeStart, ToNode, TransportChoice} from '../../src/launcher/messages.ts';
import {createSlotTable} from '../../src/node/slot-table.ts';
import {freePort} from '../helpers/redis-server.ts';

export interface ThreadOptions {
	readonly config?: Readonly<Record<string, string>>;
	readonly transport?: TransportChoice;
	readonly port?: number;
	/** Instead of one of its own, which is removed in the end. */
	readonly directory?: string;
	/** What stands in the node's directory when it starts. */
	readonly files?: Readonly<Record<string, string>>;
}

export interface Thread extends AsyncDisposable {
	readonly port: number;
	readonly directory: string;
	readonly messages: readonly FromNode[];
	/** What the thread died of. */
	readonly errors: readonly Error[];
	/** Resolves with the exit code. */
	readonly exited: Promise<number>;
	post(message: ToNode): void;
}

const START_ATTEMPTS = 5;

/** Resolves when the node listens or the thread has ended. */
export async function startThread(options: ThreadOptions = {}): Promise<Thread> {
	for (let attempt = 1; ; attempt++) {
		const thread = await startOnce(options);
		// A port of our choice may have been taken between our look and the node's bind.
		const isTaken = thread.messages.some(
			(message) => message.kind === 'failed' && message.code === 'EADDRINUSE',
		);
		if (!isTaken || options.port !== undefined || attempt === START_ATTEMPTS) return thread;
		await thread[Symbol.asyncDispose]();
	}
}

async function startOnce(options: ThreadOptions): Promise<Thread> {
	const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'shoal-thread-')));
	for (const [name, text] of Object.entries(options.files ?? {}))
		await writeFile(join(directory, name), text);
	const port = options.port ?? (await freePort(true));
	const start: NodeStart = {
		index: 0,
		host: '127.0.0.1',
		port,
		busPort: port < 55_536 ? port + 10_000 : port - 10_000,
		directory,
		// As startRedisServer does: a snapshot is made when a test asks for it.
		config: {'cluster-enabled': 'no', 'enable-debug-command': 'yes', save: '', ...options.config},
		slotTable: createSlotTable(1),
		nodeCount: 1,
		transport: options.transport ?? 'handle',
	};
	const worker = new Worker(new URL('../../src/node/worker.js', import.meta.url), {
		workerData: start,
		stderr: true,
		stdout: true,
	});
	const messages: FromNode[] = [];
	const errors: Error[] = [];
	worker.on('error', (error) => errors.push(error));
	const exited = new Promise<number>((resolve) => {
		worker.once('exit', resolve);
	});
	const listening = new Promise<void>((resolve) => {
		worker.on('message', (message: FromNode) => {
			messages.push(message);
			if (message.kind === 'listening') resolve();
			else if (message.kind === 'bus-connect')
				worker.postMessage({kind: 'bus-refused', request: message.request} satisfies ToNode);
			else if (message.kind === 'stream-connect')
				worker.postMessage({kind: 'stream-refused', request: message.request} satisfies ToNode);
		});
		worker.once('exit', () => resolve());
	});
	await listening;
	return {
		port,
		directory,
		messages,
		errors,
		exited,
		post: (message) => worker.postMessage(message),
		async [Symbol.asyncDispose]() {
			await worker.terminate();
			if (options.directory === undefined) await rm(directory, {recursive: true, force: true});
		},
	};
}
