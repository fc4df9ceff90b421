/**
 * One life of a node as the launcher sees it: a worker thread from its start to its end. Says what became of it in events
 * and never throws away why: a crash has its cause. A node that is started again is another NodeThread with the same start
 * data. Knows nothing of the other nodes; links between them are mesh.ts.
 */
import type {Worker} from 'node:worker_threads';
import {errorCode, messageOf} from './errors.ts';
import type {NodePhase, NodeRole, NodeStatus} from './events.ts';
import type {LogLevel} from './log-level.ts';
import type {FromNode, NodeStart, ToNode} from './messages.ts';
import {readableStack} from './stack.ts';
import type {ThreadKind} from './threads.ts';

/** What a node's life means to the launcher. */
export interface NodeHooks {
	onListening(node: NodeThread): void;
	onClusterState(node: NodeThread): void;
	onRole(node: NodeThread): void;
	onBusConnect(node: NodeThread, request: number, host: string, busPort: number): void;
	onStreamConnect(node: NodeThread, request: number, host: string, port: number): void;
	onLog(node: NodeThread, level: LogLevel, text: string): void;
	/** Last of all: the thread is gone and `phase` is a final one. */
	onEnd(node: NodeThread): void;
}

/** What the last `cluster-state` message said. */
export interface ClusterOpinion {
	readonly ok: boolean;
	readonly assignedCount: number;
	readonly knownNodeCount: number;
}

/** What the last `role` message said. */
export interface DataRole {
	readonly role: NodeRole;
	readonly linkUp: boolean;
	readonly primaryId?: string;
}

/** Why a node could not start. `code` is the system's or one of ours, as in the message `failed`. */
export interface StartFailure {
	readonly code: string;
	readonly message: string;
}

export class NodeThread {
	readonly start: NodeStart;
	/** Resolves when the node listens and, if it is one of a cluster, has said how it sees it; or has ended before. */
	readonly settled: Promise<void>;
	/** Resolves when the thread is gone. */
	readonly ended: Promise<void>;
	readonly #worker: Worker;
	readonly #hooks: NodeHooks;
	#resolveSettled: () => void = () => {};
	#phase: NodePhase = 'starting';
	#nodeId: string;
	#opinion: ClusterOpinion | null = null;
	#role: DataRole | null = null;
	#cause = '';
	#isKilled = false;
	#error: Error | undefined;
	#failure: StartFailure | null = null;

	/** `nodeId` is what the node was called in an earlier life: until it says so itself, and if it never does. */
	constructor(start: NodeStart, kind: ThreadKind, hooks: NodeHooks, nodeId = '') {
		this.start = start;
		this.#hooks = hooks;
		this.#nodeId = nodeId;
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
		this.settled = new Promise((resolve) => (this.#resolveSettled = resolve));
		this.ended = new Promise((resolve) => {
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

	/** 40 hex digits; empty until the node has told it in this life or an earlier one. */
	get nodeId(): string {
		return this.#nodeId;
	}

	/** Null until the node said something about the cluster. */
	get opinion(): ClusterOpinion | null {
		return this.#opinion;
	}

	/** Null until the node said what it is, and when it does not run. */
	get role(): DataRole | null {
		return this.#phase === 'running' ? this.#role : null;
	}

	get cause(): string {
		return this.#cause;
	}

	/** Null unless it could not start. */
	get failure(): StartFailure | null {
		return this.#failure;
	}

	get isUp(): boolean {
		return this.#phase === 'starting' || this.#phase === 'running';
	}

	/** The thread is gone. */
	get isOver(): boolean {
		return !this.isUp && this.#phase !== 'stopping';
	}

	get seesClusterOk(): boolean {
		return this.#phase === 'running' && this.#opinion?.ok === true;
	}

	/** It runs, knows no other node and serves nothing: it belongs to no cluster. */
	get isAlone(): boolean {
		return (
			this.#phase === 'running' && this.#opinion?.knownNodeCount === 1 && this.#opinion.assignedCount === 0
		);
	}

	/** A replica that does not hear its primary. */
	get isCutOff(): boolean {
		return this.role?.role === 'replica' && !this.role.linkUp;
	}

	status(): NodeStatus {
		const {index, host, port} = this.start;
		const {role} = this;
		return {
			index,
			host,
			port,
			nodeId: this.#nodeId,
			phase: this.#phase,
			clusterOk: this.seesClusterOk,
			...(this.#cause === '' ? {} : {cause: this.#cause}),
			...(this.isAlone ? {alone: true} : {}),
			...(role === null ? {} : {role: role.role}),
			...(role?.role === 'replica' ? {linkUp: role.linkUp} : {}),
			...(role?.primaryId === undefined ? {} : {primaryId: role.primaryId}),
		};
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

	/** Lets the node save what it must and end. Resolves when the thread is gone; after `graceMs` it is killed. Never rejects. */
	async stop(reason: string, graceMs: number): Promise<void> {
		if (this.isUp) {
			this.#phase = 'stopping';
			this.#cause = reason;
			this.post({kind: 'stop', reason});
		}
		const force = setTimeout(
			() => void this.kill(`${reason}; it had not ended after ${graceMs / 1000} s`),
			graceMs,
		);
		await this.ended;
		clearTimeout(force);
	}

	/** Ends the thread at once, in the middle of whatever it does: nothing is flushed. Never rejects. */
	async kill(reason: string): Promise<void> {
		if (!this.isOver) {
			this.#phase = 'stopping';
			this.#isKilled = true;
			this.#cause = reason;
			await this.#worker.terminate();
		}
		await this.ended;
	}

	#receive(message: FromNode): void {
		switch (message.kind) {
			case 'listening':
				this.#nodeId = message.nodeId;
				if (this.#phase !== 'starting') break;
				this.#phase = 'running';
				this.#hooks.onListening(this);
				if (this.start.config['cluster-enabled'] === 'no') this.#resolveSettled();
				break;
			case 'cluster-state':
				this.#opinion = {
					ok: message.ok,
					assignedCount: message.assignedCount,
					knownNodeCount: message.knownNodeCount,
				};
				this.#hooks.onClusterState(this);
				this.#resolveSettled();
				break;
			case 'role': {
				const {role, linkUp, primaryId} = message;
				this.#role = {role, linkUp, ...(primaryId === undefined ? {} : {primaryId})};
				this.#hooks.onRole(this);
				break;
			}
			case 'bus-connect':
				this.#hooks.onBusConnect(this, message.request, message.host, message.busPort);
				break;
			case 'stream-connect':
				this.#hooks.onStreamConnect(this, message.request, message.host, message.port);
				break;
			case 'failed':
				this.#failure = {code: message.code, message: message.message};
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
		this.#phase = this.#finalPhase();
		if (this.#phase === 'failed') this.#cause = this.#failure?.message ?? '';
		else if (this.#phase === 'crashed') this.#cause = this.#crashCause(exitCode);
		this.#hooks.onEnd(this);
		this.#resolveSettled();
	}

	#finalPhase(): NodePhase {
		if (this.#error !== undefined) return 'crashed';
		if (this.#isKilled) return 'killed';
		if (this.#failure !== null) return 'failed';
		return this.#phase === 'stopping' ? 'stopped' : 'crashed';
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
