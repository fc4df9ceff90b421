/** One node alone in its worker thread, without a launcher: for tests of what a node says to its clients. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {once} from 'node:events';
import {MessageChannel, Worker} from 'node:worker_threads';
import type {FromNode, NodeStart, ToNode, TransportChoice} from '../../src/launcher/messages.ts';
import {createSlotTable} from '../../src/node/slot-table.ts';
import {freePort} from './redis-server.ts';

export interface ShoalNodeOptions {
	/** Directives; `cluster-enabled no` unless it says otherwise. */
	readonly config?: Readonly<Record<string, string>>;
	readonly transport?: TransportChoice;
	/** Replication links are TCP, also to nodes of this process. */
	readonly refusesPorts?: boolean;
	/** Text of a config file to start with, for CONFIG REWRITE. */
	readonly configFile?: string;
}

export interface ShoalNode extends AsyncDisposable {
	readonly host: string;
	readonly port: number;
	readonly directory: string;
	/** What the node said to its launcher so far. */
	readonly messages: readonly FromNode[];
	/** Resolves when the thread has ended, with its exit code. */
	readonly exited: Promise<number>;
	stop(): Promise<void>;
}

const START_ATTEMPTS = 5;

/** Nodes of this process by port: what a launcher knows of its nodes. */
const running = new Map<number, Worker>();

/** As the launcher: both ends of a channel, or a refusal. */
function introduce(from: Worker, fromPort: number, request: number, to: Worker | undefined): void {
	if (to === undefined) {
		from.postMessage({kind: 'stream-refused', request} satisfies ToNode);
		return;
	}
	const {port1, port2} = new MessageChannel();
	const accept: ToNode = {kind: 'stream-accept', port: port2, fromHost: '127.0.0.1', fromPort};
	to.postMessage(accept, [port2]);
	const connected: ToNode = {kind: 'stream-connected', request, port: port1};
	from.postMessage(connected, [port1]);
}

export async function startShoalNode(options: ShoalNodeOptions = {}): Promise<ShoalNode> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await startOnce(options);
		} catch (error) {
			// Between our look and the node's bind another process, or a client's end, may have taken the port.
			const taken = error instanceof Error && error.message.includes('EADDRINUSE');
			if (!taken || attempt === START_ATTEMPTS) throw error;
		}
	}
}

async function startOnce(options: ShoalNodeOptions): Promise<ShoalNode> {
	const directory = await mkdtemp(join(tmpdir(), 'shoal-node-'));
	const host = '127.0.0.1';
	const port = await freePort(true);
	const start: NodeStart = {
		index: 0,
		host,
		port,
		busPort: port + 10_000,
		directory,
		config: {'cluster-enabled': 'no', 'enable-debug-command': 'yes', ...options.config},
		slotTable: createSlotTable(1),
		nodeCount: 1,
		transport: options.transport ?? 'handle',
		...(options.configFile === undefined ? {} : {configFile: options.configFile}),
	};
	const worker = new Worker(new URL('../../src/node/worker.js', import.meta.url), {workerData: start});
	running.set(port, worker);
	worker.once('exit', () => running.delete(port));
	const messages: FromNode[] = [];
	const exited = once(worker, 'exit').then(([code]) => code as number);
	const listening = new Promise<void>((resolve, reject) => {
		worker.on('message', (message: FromNode) => {
			messages.push(message);
			if (message.kind === 'listening') resolve();
			else if (message.kind === 'failed') reject(new Error(message.message));
			else if (message.kind === 'bus-connect') {
				worker.postMessage({kind: 'bus-refused', request: message.request} satisfies ToNode);
			} else if (message.kind === 'stream-connect') {
				introduce(worker, port, message.request, options.refusesPorts === true ? undefined : running.get(message.port));
			}
		});
		worker.once('error', reject);
		worker.once('exit', () => reject(new Error('the node ended before it listened')));
	});
	worker.on('error', () => undefined);
	const stop = async (): Promise<void> => {
		worker.postMessage({kind: 'stop', reason: 'end of test'} satisfies ToNode);
		await exited;
		await rm(directory, {recursive: true, force: true});
	};
	try {
		await listening;
	} catch (error) {
		await worker.terminate();
		await rm(directory, {recursive: true, force: true});
		throw error;
	}
	return {host, port, directory, messages, exited, stop, [Symbol.asyncDispose]: stop};
}
