/**
 * A node that is a worker thread of this process: translates between the messages of the thread and what the launcher wants
 * to hear of a node. Links to other threads are mesh.ts and streams.ts.
 */
import type {Worker} from 'node:worker_threads';
import {errorCode, messageOf} from './errors.ts';
import type {LogLevel} from './log-level.ts';
import type {FromNode, NodeStart, ToNode} from './messages.ts';
import type {NodeBody, NodeVoice} from './node-handle.ts';
import {readableStack} from './stack.ts';
import type {ThreadKind} from './threads.ts';

/** What a thread asks for that only who knows the other threads can give. */
export interface ThreadHooks {
	onBusConnect(node: NodeThread, request: number, host: string, busPort: number): void;
	onStreamConnect(node: NodeThread, request: number, host: string, port: number): void;
}

export class NodeThread implements NodeBody {
	readonly start: NodeStart;
	readonly #worker: Worker;
	readonly #voice: NodeVoice;
	readonly #hooks: ThreadHooks;
	#isUp = true;
	#error: Error | undefined;

	constructor(start: NodeStart, kind: ThreadKind, voice: NodeVoice, hooks: ThreadHooks) {
		this.start = start;
		this.#voice = voice;
		this.#hooks = hooks;
		this.#worker = kind.start({
			name: `shoal-${start.port}`,
			workerData: start,
			resourceLimits: {maxOldGenerationSizeMb: HEAP_LIMIT_MB},
		});
		this.#worker.on('message', (message: FromNode) => this.#receive(message));
		this.#worker.on('messageerror', (error: Error) =>
			this.#voice.log('warning', `unreadable message: ${error.message}`),
		);
		this.#worker.on(
			'error',
			(error: unknown) => (this.#error = error instanceof Error ? error : new Error(String(error))),
		);
		this.#worker.once('exit', (code) => {
			this.#isUp = false;
			this.#voice.gone({isError: this.#error !== undefined, crash: this.#crashCause(code)});
		});
	}

	get worker(): Worker {
		return this.#worker;
	}

	/** Neither gone nor on its way: others may open links to it. */
	get isUp(): boolean {
		return this.#isUp;
	}

	/** To a thread that has ended the message is lost, as messages to the dead are. */
	post(message: ToNode): void {
		const transfer = 'port' in message ? [message.port] : [];
		this.#worker.postMessage(message, transfer);
	}

	stop(reason: string): void {
		this.#isUp = false;
		this.post({kind: 'stop', reason});
	}

	kill(): void {
		this.#isUp = false;
		void this.#worker.terminate();
	}

	/** What the thread prints: warnings of Node itself above all. */
	watchOutput(): void {
		this.#worker.stdout.setEncoding('utf8').on('data', (text: string) => this.#logLines('notice', text));
		this.#worker.stderr.setEncoding('utf8').on('data', (text: string) => this.#logLines('warning', text));
	}

	#receive(message: FromNode): void {
		switch (message.kind) {
			case 'listening':
				this.#voice.listening(message.nodeId);
				break;
			case 'cluster-state': {
				const {ok, assignedCount, knownNodeCount, replicaCount} = message;
				this.#voice.clusterState({ok, assignedCount, knownNodeCount, replicaCount});
				break;
			}
			case 'role': {
				const {role, linkUp, primaryId} = message;
				this.#voice.role({role, linkUp, ...(primaryId === undefined ? {} : {primaryId})});
				break;
			}
			case 'bus-connect':
				this.#hooks.onBusConnect(this, message.request, message.host, message.busPort);
				break;
			case 'stream-connect':
				this.#hooks.onStreamConnect(this, message.request, message.host, message.port);
				break;
			case 'failed':
				this.#voice.failed({code: message.code, message: message.message});
				break;
			case 'log':
				this.#voice.log(message.level, message.text);
				break;
			case 'shutting-down':
				this.#isUp = false;
				this.#voice.endingBy(message.by);
				break;
			case 'stopped':
				// The node has closed what it had; a handle that it forgot must not keep the thread.
				void this.#worker.terminate();
				break;
		}
	}

	#logLines(level: LogLevel, text: string): void {
		for (const line of text.split('\n')) if (line.trim() !== '') this.#voice.log(level, line);
	}

	#crashCause(exitCode: number): string {
		if (this.#error === undefined) return `the thread ended with exit code ${exitCode}`;
		if (errorCode(this.#error) === 'ERR_WORKER_OUT_OF_MEMORY')
			return `out of memory: the heap of the thread reached its limit of ${HEAP_LIMIT_MB} MB (ERR_WORKER_OUT_OF_MEMORY)`;
		return readableStack(this.#error.stack ?? messageOf(this.#error));
	}
}

/**
 * Keys and string values are outside of V8's heap; the objects of the other types are in it. A node that runs away must
 * die of its own limit before it takes the memory of the whole process.
 */
const HEAP_LIMIT_MB = 4096;
