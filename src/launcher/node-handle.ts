/**
 * One life of a node as the launcher sees it, from its start to its end, whatever the node is made of: a worker thread
 * (node-thread.ts) or a process (process-node.ts). That is its body; what the body says becomes the node's phase, its opinion
 * of the cluster and its role, and events. Never throws away why: a crash has its cause.
 *
 * A node that is started again is another NodeHandle at the same place. Knows nothing of the other nodes.
 */
import type {NodePhase, NodeRole, NodeStatus} from './events.ts';
import type {LogLevel} from './log-level.ts';
import type {NodePlace} from './messages.ts';

/** What a node's life means to the launcher. */
export interface NodeHooks {
	onListening(node: NodeHandle): void;
	onClusterState(node: NodeHandle): void;
	onRole(node: NodeHandle): void;
	onLog(node: NodeHandle, level: LogLevel, text: string): void;
	/** Last of all: the body is gone and `phase` is a final one. */
	onEnd(node: NodeHandle): void;
}

/** What a node is made of. None of these is called after `gone`. */
export interface NodeBody {
	/** It may save what it must and end. */
	stop(reason: string): void;
	/** It ends at once, in the middle of whatever it does. */
	kill(): void;
	/** From now on what it prints, beside its log, is told as log lines. */
	watchOutput(): void;
}

/** How a body speaks. */
export interface NodeVoice {
	/** Clients can connect. */
	listening(nodeId: string): void;
	clusterState(opinion: ClusterOpinion): void;
	role(role: DataRole): void;
	/** It cannot start; it is going to end. */
	failed(failure: StartFailure): void;
	log(level: LogLevel, text: string): void;
	/** It ends by itself, because somebody asked it for that: this is no crash. */
	endingBy(who: string): void;
	/** The last word. `crash` is why it ended, unless it did what it was told. */
	gone(end: {readonly isError: boolean; readonly crash: string}): void;
}

/** How a node last said that it sees the cluster. */
export interface ClusterOpinion {
	readonly ok: boolean;
	readonly assignedCount: number;
	readonly knownNodeCount: number;
	readonly replicaCount: number;
}

/** What a node last said that it is to the data. */
export interface DataRole {
	readonly role: NodeRole;
	readonly linkUp: boolean;
	readonly primaryId?: string;
}

/** Why a node could not start. `code` is the system's or one of ours, as in the message `failed`. */
export interface StartFailure {
	readonly code: string;
	readonly message: string;
	/** The port that it could not have, where that is another one than its own: that of its bus. */
	readonly port?: number;
}

export class NodeHandle {
	readonly start: NodePlace;
	/** Resolves when the node listens and, if it is one of a cluster, has said how it sees it; or has ended before. */
	readonly settled: Promise<void>;
	/** Resolves when the body is gone. */
	readonly ended: Promise<void>;
	readonly #body: NodeBody;
	readonly #hooks: NodeHooks;
	#resolveSettled: () => void = () => {};
	#resolveEnded: () => void = () => {};
	#phase: NodePhase = 'starting';
	#nodeId: string;
	#opinion: ClusterOpinion | null = null;
	#role: DataRole | null = null;
	#cause = '';
	#isKilled = false;
	#failure: StartFailure | null = null;

	/**
	 * `embody` starts the body, which must not speak before it has returned. `nodeId` is what the node was called in an earlier
	 * life: until it says so itself, and if it never does.
	 */
	constructor(start: NodePlace, embody: (voice: NodeVoice) => NodeBody, hooks: NodeHooks, nodeId = '') {
		this.start = start;
		this.#hooks = hooks;
		this.#nodeId = nodeId;
		this.settled = new Promise((resolve) => (this.#resolveSettled = resolve));
		this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
		this.#body = embody(this.#voice);
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

	/** The body is gone. */
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

	/** What it prints beside its log becomes log lines. Until then it waits: a start has no time for it. */
	watchOutput(): void {
		this.#body.watchOutput();
	}

	/** Lets the node save what it must and end. Resolves when it is gone; after `graceMs` it is killed. Never rejects. */
	async stop(reason: string, graceMs: number): Promise<void> {
		if (this.isUp) {
			this.#phase = 'stopping';
			this.#cause = reason;
			this.#body.stop(reason);
		}
		const force = setTimeout(
			() => void this.kill(`${reason}; it had not ended after ${graceMs / 1000} s`),
			graceMs,
		);
		await this.ended;
		clearTimeout(force);
	}

	/** Ends the node at once, in the middle of whatever it does: nothing is flushed. Never rejects. */
	async kill(reason: string): Promise<void> {
		if (!this.isOver) {
			this.#phase = 'stopping';
			this.#isKilled = true;
			this.#cause = reason;
			this.#body.kill();
		}
		await this.ended;
	}

	readonly #voice: NodeVoice = {
		listening: (nodeId) => {
			this.#nodeId = nodeId;
			if (this.#phase !== 'starting') return;
			this.#phase = 'running';
			this.#hooks.onListening(this);
			if (this.start.config['cluster-enabled'] === 'no') this.#resolveSettled();
		},
		clusterState: (opinion) => {
			this.#opinion = opinion;
			this.#hooks.onClusterState(this);
			this.#resolveSettled();
		},
		role: (role) => {
			this.#role = role;
			this.#hooks.onRole(this);
		},
		failed: (failure) => {
			this.#failure = failure;
		},
		log: (level, text) => this.#hooks.onLog(this, level, text),
		endingBy: (who) => {
			this.#phase = 'stopping';
			this.#cause = who;
		},
		gone: ({isError, crash}) => {
			this.#phase = this.#finalPhase(isError);
			if (this.#phase === 'failed') this.#cause = this.#failure?.message ?? '';
			else if (this.#phase === 'crashed') this.#cause = crash;
			this.#hooks.onEnd(this);
			this.#resolveSettled();
			this.#resolveEnded();
		},
	};

	#finalPhase(isError: boolean): NodePhase {
		if (isError) return 'crashed';
		if (this.#isKilled) return 'killed';
		if (this.#failure !== null) return 'failed';
		return this.#phase === 'stopping' ? 'stopped' : 'crashed';
	}
}
