/** Nodes as processes of redis-server, valkey-server or whatever speaks like them. */
import type {Engine} from './engine.ts';
import type {NodePlace} from './messages.ts';
import type {NodeVoice} from './node-handle.ts';
import {ProcessNode} from './process-node.ts';
import {findServerBinary, type ServerBinary} from './server-binary.ts';

export class ProcessEngine implements Engine {
	readonly title: string;
	/** Ports run out before. */
	readonly placeCount = Number.POSITIVE_INFINITY;
	readonly #binary: ServerBinary;
	/** By index; a node that is started again takes the place of its former process. */
	readonly #nodes = new Map<number, ProcessNode>();
	readonly #living = new Set<ProcessNode>();
	/** Threads end with their process; processes would stay. An orderly end has none left by then. */
	readonly #endLiving = (): void => {
		for (const {pid} of this.#living) if (pid !== undefined) terminate(pid);
	};

	/** @throws LaunchError when the server is not there, is none, or is too old */
	static async find(engine: string): Promise<ProcessEngine> {
		return new ProcessEngine(await findServerBinary(engine));
	}

	private constructor(binary: ServerBinary) {
		this.#binary = binary;
		this.title = `${binary.name} ${binary.version}`;
	}

	open(): void {
		// They share nothing.
	}

	embody(place: NodePlace, voice: NodeVoice): ProcessNode {
		const node = new ProcessNode(place, this.#binary, {
			...voice,
			gone: (end) => {
				this.#living.delete(node);
				if (this.#living.size === 0) process.off('exit', this.#endLiving);
				voice.gone(end);
			},
		});
		if (this.#living.size === 0) process.on('exit', this.#endLiving);
		this.#living.add(node);
		this.#nodes.set(place.index, node);
		return node;
	}

	ownerOf(slot: number, witness: number): number | null {
		const lines = this.#nodes.get(witness)?.sight?.lines ?? [];
		const owner = lines.find(({slots}) => slots.some(([first, last]) => first <= slot && slot <= last));
		if (owner === undefined) return null;
		for (const [index, node] of this.#nodes) if (node.sight?.nodeId === owner.id) return index;
		return null;
	}

	prepareNext(): void {
		// A process has nothing that the next one could use.
	}
}

/** At the exit of this process, where nothing can be waited for. */
function terminate(pid: number): void {
	try {
		process.kill(pid, 'SIGTERM');
	} catch {
		// It has ended meanwhile.
	}
}
