/**
 * Nodes in their worker threads, without a launcher: for tests of what a node says to its clients. Several of them in one test
 * process can reach each other, over the bus and for replication.
 */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
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
	/** Ends the thread in the middle of whatever it does; its directory stays until `stop`. */
	kill(): Promise<void>;
	stop(): Promise<void>;
}

const START_ATTEMPTS = 5;

/** Nodes of this process by port: what a launcher knows of its nodes. */
const running = new Map<number, Worker>();

const HOST = '127.0.0.1';
const BUS_PORT_OFFSET = 10_000;

/** As the launcher: both ends of a channel, or a refusal. */
function introduce(from: Worker, fromPort: number, message: FromNode, refusesPorts: boolean): void {
	const {port1, port2} = new MessageChannel();
	const post = (to: Worker, answer: ToNode): void =>
		to.postMessage(answer, 'port' in answer ? [answer.port] : []);
	if (message.kind === 'bus-connect') {
		const {request} = message;
		const to = running.get(message.busPort - BUS_PORT_OFFSET);
		if (to === undefined) {
			post(from, {kind: 'bus-refused', request});
			return;
		}
		const fromBusPort = fromPort + BUS_PORT_OFFSET;
		post(to, {kind: 'bus-accept', port: port2, fromIndex: 0, fromHost: HOST, fromBusPort});
		post(from, {kind: 'bus-connected', request, port: port1});
	} else if (message.kind === 'stream-connect') {
		const {request} = message;
		const to = refusesPorts ? undefined : running.get(message.port);
		if (to === undefined) {
			post(from, {kind: 'stream-refused', request});
			return;
		}
		post(to, {kind: 'stream-accept', port: port2, fromHost: HOST, fromPort});
		post(from, {kind: 'stream-connected', request, port: port1});
	}
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
	const host = HOST;
	const port = await freePort(true);
	const start: NodeStart = {
		index: 0,
		host,
		port,
		busPort: port + BUS_PORT_OFFSET,
		directory,
		// As startRedisServer does: a snapshot is made when a test asks for it.
		config: {'cluster-enabled': 'no', 'enable-debug-command': 'yes', save: '', ...options.config},
		slotTable: createSlotTable(1),
		nodeCount: 1,
		transport: options.transport ?? 'handle',
		...(options.configFile === undefined ? {} : {configFile: options.configFile}),
	};
	const worker = new Worker(new URL('../../src/node/worker.js', import.meta.url), {workerData: start});
	running.set(port, worker);
	worker.once('exit', () => running.delete(port));
	const messages: FromNode[] = [];
	const exited = new Promise<number>((resolve) => {
		worker.once('exit', resolve);
	});
	const listening = new Promise<void>((resolve, reject) => {
		worker.on('message', (message: FromNode) => {
			messages.push(message);
			if (message.kind === 'listening') resolve();
			else if (message.kind === 'failed') reject(new Error(message.message));
			else introduce(worker, port, message, options.refusesPorts === true);
		});
		worker.once('error', reject);
		worker.once('exit', () => reject(new Error('the node ended before it listened')));
	});
	worker.on('error', () => undefined);
	const kill = async (): Promise<void> => {
		await worker.terminate();
	};
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
	return {host, port, directory, messages, exited, kill, stop, [Symbol.asyncDispose]: stop};
}
