/**
 * One node as the launcher sees it: a worker thread with a life. Says what became of it in events and never throws away
 * why: a crash has its cause. Knows nothing of the other nodes; links between them are mesh.ts.
 */
import type {Worker} from 'node:worker_threads';
import {errorCode, messageOf} from './errors.ts';
import type {NodePhase, NodeStatus} from './events.ts';
import type {LogLevel} from './log-level.ts';
import type {FromNode, NodeStart, ToNode} from './messages.ts';
import {readableStack} from './stack.ts';
import type {ThreadKind} from './threads.ts';

/** What a node's life means to the launcher. */
export interface NodeHooks {
	onListening(node: NodeThread): void;
	/** The node could not start. It ends by itself. */
	onFailed(node: NodeThread, code: string, message: string): void;
	onClusterState(node: NodeThread): void;
	onBusConnect(node: NodeThread, request: number, host: string, busPort: number): void;
	onStreamConnect(node: NodeThread, request: number, host: string, port: number): void;
	onLog(node: NodeThread, level: LogLevel, text: string): void;
	/** Last of all: the thread is gone and `phase` is `stopped` or `crashed`. */
	onEnd(node: NodeThread): void;
}

/** What the last `cluster-state` message said. */
export interface ClusterOpinion {
	readonly ok: boolean;
	readonly assignedCount: number;
	readonly knownNodeCount: number;
}

export class NodeThread {
	readonly start: NodeStart;
	readonly #worker: Worker;
	readonly #hooks: NodeHooks;
	readonly #ended: Promise<void>;
	#phase: NodePhase = 'starting';
	#nodeId = '';
	#opinion: ClusterOpinion | null = null;
	#cause = '';
	#error: Error | undefined;
	#failure: string | undefined;

	constructor(start: NodeStart, kind: ThreadKind, hooks: NodeHooks) {
		this.start = start;
		this.#hooks = hooks;
		this.#worker = kind.start({
			name: `shoal-${start.port}`,
			workerData: start,
			resourceLimits: {maxOldGenerationSizeMb: HEAP_LIMIT_MB},
		});
		this.#worker.on('message', (message: FromNode) => this.#receive(message));
		this.#worker.on('messageerror', (error: Error) =>
			this.#hooks.onLog(this, 'warning', `unreadable message: ${error.message}`),
		);
		this.#worker.on(
			'error',
			(error: unknown) => (this.#error = error instanceof Error ? error : new Error(String(error))),
		);
		this.#ended = new Promise((resolve) => {
			this.#worker.once('exit', (code) => {
				this.#end(code);
				resolve();
			});
		});
	}

	get worker(): Worker {
		return this.#worker;
	}

	get phase(): NodePhase {
		return this.#phase;
	}

	get nodeId(): string {
		return this.#nodeId;
	}

	/** Null until the node said something about the cluster. */
	get opinion(): ClusterOpinion | null {
		return this.#opinion;
	}

	get cause(): string {
		return this.#cause;
	}

	get isUp(): boolean {
		return this.#phase === 'starting' || this.#phase === 'running';
	}

	get seesClusterOk(): boolean {
		return this.#phase === 'running' && this.#opinion?.ok === true;
	}

	status(): NodeStatus {
		const {index, host, port} = this.start;
		const status = {
			index,
			host,
			port,
			nodeId: this.#nodeId,
			phase: this.#phase,
			clusterOk: this.seesClusterOk,
		};
		return this.#cause === '' ? status : {...status, cause: this.#cause};
	}

	/** What the thread prints, warnings of Node itself above all, becomes log lines. Until then it waits: a start has no time for it. */
	watchOutput(): void {
		this.#worker.stdout.setEncoding('utf8').on('data', (text: string) => this.#logLines('notice', text));
		this.#worker.stderr.setEncoding('utf8').on('data', (text: string) => this.#logLines('warning', text));
	}

	/** To a thread that has ended the message is lost, as messages to the dead are. */
	post(message: ToNode): void {
		const transfer = 'port' in message ? [message.port] : [];
		this.#worker.postMessage(message, transfer);
	}

	/** Resolves when the thread is gone. After `graceMs` it is ended from outside. Never rejects. */
	async stop(reason: string, graceMs: number): Promise<void> {
		if (this.isUp) {
			this.#phase = 'stopping';
			this.#cause = reason;
			this.post({kind: 'stop', reason});
		}
		const force = setTimeout(() => void this.#worker.terminate(), graceMs);
		await this.#ended;
		clearTimeout(force);
	}

	/** Ends the thread at once, in the middle of whatever it does. */
	async terminate(): Promise<void> {
		if (this.isUp) this.#phase = 'stopping';
		await this.#worker.terminate();
		await this.#ended;
	}

	#receive(message: FromNode): void {
		switch (message.kind) {
			case 'listening':
				if (this.#phase === 'starting') this.#phase = 'running';
				this.#nodeId = message.nodeId;
				this.#hooks.onListening(this);
				break;
			case 'cluster-state':
				this.#opinion = {
					ok: message.ok,
					assignedCount: message.assignedCount,
					knownNodeCount: message.knownNodeCount,
				};
				this.#hooks.onClusterState(this);
				break;
			case 'bus-connect':
				this.#hooks.onBusConnect(this, message.request, message.host, message.busPort);
				break;
			case 'stream-connect':
				this.#hooks.onStreamConnect(this, message.request, message.host, message.port);
				break;
			case 'failed':
				this.#failure = message.message;
				this.#hooks.onFailed(this, message.code, message.message);
				break;
			case 'log':
				this.#hooks.onLog(this, message.level, message.text);
				break;
			case 'shutting-down':
				this.#phase = 'stopping';
				this.#cause = message.by;
				break;
			case 'stopped':
				// The node has closed what it had; a handle that it forgot must not keep the thread.
				void this.#worker.terminate();
				break;
		}
	}

	#logLines(level: LogLevel, text: string): void {
		for (const line of text.split('\n')) if (line.trim() !== '') this.#hooks.onLog(this, level, line);
	}

	#end(exitCode: number): void {
		const asked = this.#phase === 'stopping';
		this.#phase = asked && this.#error === undefined ? 'stopped' : 'crashed';
		if (this.#phase === 'crashed') this.#cause = this.#crashCause(exitCode);
		this.#hooks.onEnd(this);
	}

	#crashCause(exitCode: number): string {
		if (this.#failure !== undefined) return this.#failure;
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
