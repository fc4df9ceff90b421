/**
 * nodes.conf: the lines of CLUSTER NODES and one line of variables, as redis-server 7.0 writes and reads them.
 *
 *     <id> <host>:<port>@<bus port>[,<hostname>] <flags> <primary|-> <ping sent> <pong received> <epoch> <link> <slots...>
 *     vars currentEpoch 6 lastVoteEpoch 0
 *
 * One variable more, `shardId`, is written where the node's shard is not named after the node: redis-server skips it.
 */

import {parseSlotRange, type SlotRange} from '../slots/slot-ranges.ts';
import {FLAG_WORDS, nodeLine, slotRangesByNode} from './describe.ts';
import {isNodeId, type NodeId, parseNodeId} from './node-id.ts';
import {type ClusterView, hasFlag, NodeFlags} from './state.ts';

export interface RestoredNode {
	readonly id: NodeId;
	readonly host: string;
	readonly port: number;
	readonly busPort: number;
	readonly hostname: string;
	/** `NodeFlags` bits. */
	readonly flags: number;
	readonly primary: NodeId | null;
	/** True when a ping was under way when the line was written. */
	readonly pingWasActive: boolean;
	readonly pongWasReceived: boolean;
	readonly configEpoch: number;
	readonly slots: readonly SlotRange[];
}

/** Every id that is named has a line of its own; no slot has two owners. */
export interface NodesConf {
	readonly nodes: readonly RestoredNode[];
	/** The one with the flag `myself`. */
	readonly myself: NodeId;
	readonly currentEpoch: number;
	readonly lastVoteEpoch: number;
	/** Null: the node's shard is named after the node. */
	readonly shardId: string | null;
	readonly migratingTo: ReadonlyMap<number, NodeId>;
	readonly importingFrom: ReadonlyMap<number, NodeId>;
}

/** nodes.conf cannot be trusted: the node must not start. */
export class NodesConfError extends Error {
	override readonly name = 'NodesConfError';
	/** From 1. */
	readonly line: number;

	constructor(line: number, problem: string) {
		super(`line ${line}: ${problem}`);
		this.line = line;
	}
}

export function formatNodesConf(view: ClusterView): string {
	const ranges = slotRangesByNode(view);
	let text = '';
	for (const node of view.nodes.values()) {
		if (!hasFlag(node, NodeFlags.HANDSHAKE)) text += `${nodeLine(view, node, ranges)}\n`;
	}
	const {shardId, id} = view.myself;
	const shard = shardId === id ? '' : ` shardId ${shardId}`;
	return `${text}vars currentEpoch ${view.currentEpoch} lastVoteEpoch ${view.lastVoteEpoch}${shard}\n`;
}

/** Null for an empty file, which is as good as none. Throws NodesConfError. */
export function parseNodesConf(text: string): NodesConf | null {
	if (text === '') return null;
	return new Reader().read(text);
}

/** Ids named before all lines are read, to be looked up at the end. */
interface Mention {
	readonly id: NodeId;
	readonly line: number;
}

class Reader {
	readonly #nodes = new Map<NodeId, RestoredNode>();
	readonly #migratingTo = new Map<number, NodeId>();
	readonly #importingFrom = new Map<number, NodeId>();
	readonly #variables = new Map<string, string>();
	readonly #owned = new Set<number>();
	readonly #mentions: Mention[] = [];
	#myself: NodeId | null = null;
	#line = 0;

	read(text: string): NodesConf {
		const lines = text.split('\n');
		// redis-server ends every line; one that is not ended was cut.
		const isCut = lines.pop() !== '';
		for (const line of lines) this.#readLine(line);
		this.#line++;
		if (isCut) this.#fail('the line is cut off');
		if (this.#myself === null) this.#fail('no node has the flag "myself"');
		for (const {id, line} of this.#mentions) {
			if (!this.#nodes.has(id))
				throw new NodesConfError(line, `node ${id} is named but has no line of its own`);
		}
		return {
			nodes: [...this.#nodes.values()],
			myself: this.#myself,
			currentEpoch: this.#number(this.#variables.get('currentEpoch') ?? '0', 'currentEpoch'),
			lastVoteEpoch: this.#number(this.#variables.get('lastVoteEpoch') ?? '0', 'lastVoteEpoch'),
			shardId: this.#variables.get('shardId') ?? null,
			migratingTo: this.#migratingTo,
			importingFrom: this.#importingFrom,
		};
	}

	#readLine(line: string): void {
		this.#line++;
		const words = line.trim().split(/\s+/);
		if (words[0] === '') return;
		if (words[0] === 'vars') this.#readVariables(words);
		else this.#readNode(words);
	}

	/** Names that are not known are skipped, so that files of later versions can be read. */
	#readVariables(words: readonly string[]): void {
		if (words.length % 2 === 0) this.#fail('a variable has no value');
		for (let at = 1; at < words.length; at += 2) {
			const name = words[at]!;
			const value = words[at + 1]!;
			if (name === 'shardId' && !isNodeId(value)) this.#fail(`"${value}" is no shard id`);
			if (name === 'currentEpoch' || name === 'lastVoteEpoch') this.#number(value, name);
			this.#variables.set(name, value);
		}
	}

	#readNode(words: readonly string[]): void {
		const [idWord, address, flagWords, primaryWord, pingSent, pongReceived, epoch, link, ...slotWords] =
			words;
		if (link === undefined) this.#fail(`a node has at least 8 fields, there are ${words.length}`);
		const id = this.#nodeId(idWord!);
		if (this.#nodes.has(id)) this.#fail(`node ${id} has two lines`);
		const flags = this.#flags(flagWords!);
		const isMyself = (flags & NodeFlags.MYSELF) !== 0;
		if (isMyself && this.#myself !== null) this.#fail('two nodes have the flag "myself"');
		if (isMyself) this.#myself = id;
		const primary = primaryWord === '-' ? null : this.#mention(primaryWord!);
		this.#nodes.set(id, {
			id,
			...this.#address(address!),
			flags,
			primary,
			pingWasActive: this.#number(pingSent!, 'ping sent') > 0,
			pongWasReceived: this.#number(pongReceived!, 'pong received') > 0,
			configEpoch: this.#number(epoch!, 'config epoch'),
			slots: this.#slots(slotWords),
		});
	}

	#address(text: string): Pick<RestoredNode, 'host' | 'port' | 'busPort' | 'hostname'> {
		// Versions before 4.0 wrote no bus port.
		const match =
			/^(?<host>[^,]*):(?<port>\d{1,5})(?:@(?<busPort>\d{1,5}))?(?:,(?<hostname>[^,]*))?(?:,.*)?$/.exec(text);
		const groups = match?.groups;
		if (groups === undefined) this.#fail(`"${text}" is no address`);
		const port = Number(groups['port']);
		const busPort = groups['busPort'] === undefined ? port + 10_000 : Number(groups['busPort']);
		if (port > 65_535 || busPort > 65_535 + 10_000) this.#fail(`"${text}" has a port out of range`);
		return {host: groups['host'] ?? '', port, busPort, hostname: groups['hostname'] ?? ''};
	}

	#flags(text: string): number {
		let flags = 0;
		if (text === 'noflags') return flags;
		for (const word of text.split(',')) {
			const known = FLAG_WORDS.find(([, name]) => name === word);
			if (known === undefined) this.#fail(`"${word}" is no flag`);
			flags |= known[0];
		}
		return flags;
	}

	#slots(words: readonly string[]): SlotRange[] {
		const ranges: SlotRange[] = [];
		for (const word of words) {
			if (word.startsWith('[')) {
				this.#openSlot(word);
				continue;
			}
			const range = parseSlotRange(word);
			if (range === null) this.#fail(`"${word}" is no range of slots`);
			for (let slot = range[0]; slot <= range[1]; slot++) {
				if (this.#owned.has(slot)) this.#fail(`slot ${slot} has two owners`);
				this.#owned.add(slot);
			}
			ranges.push(range);
		}
		return ranges;
	}

	#openSlot(word: string): void {
		const match = /^\[(\d{1,5})-([<>])-([0-9a-f]{40})\]$/.exec(word);
		const range = match === null ? null : parseSlotRange(match[1]!);
		if (match === null || range === null) this.#fail(`"${word}" is no open slot`);
		const open = match[2] === '>' ? this.#migratingTo : this.#importingFrom;
		open.set(range[0], this.#mention(match[3]!));
	}

	#mention(word: string): NodeId {
		const id = this.#nodeId(word);
		this.#mentions.push({id, line: this.#line});
		return id;
	}

	#nodeId(word: string): NodeId {
		return parseNodeId(word) ?? this.#fail(`"${word}" is no node id`);
	}

	#number(word: string, what: string): number {
		const value = /^\d{1,16}$/.test(word) ? Number(word) : Number.NaN;
		return Number.isSafeInteger(value) ? value : this.#fail(`"${word}" is no ${what}`);
	}

	#fail(problem: string): never {
		throw new NodesConfError(this.#line, problem);
	}
}
