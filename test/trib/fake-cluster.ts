/**
 * Two servers that know the commands of atomic slot migration and hold nothing but who serves which slot. A migration ends when
 * it was asked about twice, as `endsWith` says.
 */

import {once} from 'node:events';
import {createServer, type Server, type Socket} from 'node:net';
import {ReplyParser} from '../../src/resp/reply-parser.ts';
import {formatSlotRanges, type SlotRange} from '../../src/slots/slot-ranges.ts';
import type {Endpoint} from '../../src/trib/messages.ts';
import {formatSlots} from '../../src/trib/moves.ts';

export type Dialect = 'redis-8.4' | 'valkey-9' | 'none';

interface Task {
	readonly id: string;
	readonly slots: readonly SlotRange[];
	readonly source: number;
	readonly target: number;
	state: string;
	looks: number;
}

type Value = string | number | null | readonly Value[];

export class FakeCluster implements AsyncDisposable {
	readonly ids = ['a'.repeat(40), 'b'.repeat(40)];
	readonly nodes: Endpoint[] = [];
	/** All commands that change something, `0> CLUSTER MIGRATION IMPORT 0 5`. */
	readonly changes: string[] = [];
	readonly tasks: Task[] = [];
	/** How the next migrations end; `goes on` until they are cancelled. */
	endsWith: 'success' | 'failure' | 'goes on' = 'success';
	/** Of the one key that every slot has; 0: none is shown. */
	keyBytes = 0;
	/** So many slots, the first ones, have no key. */
	emptySlotCount = 0;
	/** Called for each of `changes`. */
	onChange: () => void = () => undefined;
	/** So often the nodes say that they have the same epoch. */
	collidingLooks = 0;
	readonly #owners: number[] = Array.from({length: 16_384}, (_, slot) => (slot < 8192 ? 0 : 1));
	readonly #dialects: readonly Dialect[];
	readonly #servers: Server[] = [];
	readonly #sockets = new Set<Socket>();

	/** @param dialects what each of the two nodes offers */
	static async start(...dialects: readonly [Dialect, Dialect]): Promise<FakeCluster> {
		const cluster = new FakeCluster(dialects);
		for (const me of [0, 1]) {
			const server = createServer((socket) => cluster.#serve(me, socket));
			server.listen(0, '127.0.0.1');
			await once(server, 'listening');
			const place = server.address();
			if (place === null || typeof place === 'string') throw new Error('a TCP server has a port');
			cluster.#servers.push(server);
			cluster.nodes.push({host: '127.0.0.1', port: place.port});
		}
		return cluster;
	}

	private constructor(dialects: readonly Dialect[]) {
		this.#dialects = dialects;
	}

	slotsOf(node: number): string {
		return formatSlots([...this.#owners.keys()].filter((slot) => this.#owners[slot] === node));
	}

	/** Begins a migration as another manager would. */
	begin(source: number, target: number, slots: readonly SlotRange[]): Task {
		const id = `task-${this.tasks.length}`;
		const task = {id, slots, source, target, state: 'running', looks: 0};
		this.tasks.push(task);
		return task;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		for (const server of this.#servers) {
			server.close();
			await once(server, 'close');
		}
	}

	#serve(me: number, socket: Socket): void {
		this.#sockets.add(socket);
		socket.on('error', () => undefined);
		// A command is an array of bulk strings, which is a reply as well.
		const parser = new ReplyParser();
		socket.on('data', (chunk) =>
			parser.feed(chunk, (words) => {
				if (Array.isArray(words)) socket.write(this.#answer(me, words.map(String)));
			}),
		);
	}

	#answer(me: number, words: readonly string[]): string {
		const [first = '', second = '', ...rest] = words;
		const dialect = this.#dialects[me]!;
		switch (`${first} ${second}`) {
			case 'INFO cluster':
				return encode('cluster_enabled:1\r\n');
			case 'DBSIZE ':
				return encode(3);
			case 'COMMAND INFO':
				return encode([
					dialect === 'redis-8.4' ? ['cluster|migration', -4] : null,
					dialect === 'valkey-9' ? ['cluster|migrateslots', -7] : null,
				]);
			case 'CLUSTER NODES':
				return encode(this.#nodesText(me));
			case 'CLUSTER COUNTKEYSINSLOT':
				return encode(Number(rest[0]) < this.emptySlotCount ? 0 : 1);
			case 'CLUSTER GETKEYSINSLOT':
				return encode(this.keyBytes > 0 ? ['key'] : []);
			case 'MEMORY USAGE':
				return encode(this.keyBytes);
			case 'CLUSTER MIGRATION':
				return dialect === 'redis-8.4' ? this.#migration(me, rest) : unknown(second);
			case 'CLUSTER MIGRATESLOTS':
				return dialect === 'valkey-9' ? this.#migrateSlots(me, rest) : unknown(second);
			case 'CLUSTER GETSLOTMIGRATIONS':
				return encode(this.#look(({source}) => source === me).map((task) => this.#valkeyTask(task)));
			case 'CLUSTER CANCELSLOTMIGRATIONS':
				this.changes.push(`${me}> ${words.join(' ')}`);
				this.onChange();
				for (const task of this.tasks) if (task.state === 'running') task.state = 'cancelled';
				return '+OK\r\n';
			default:
				return unknown(second);
		}
	}

	#migration(me: number, [what, ...rest]: readonly string[]): string {
		if (what === 'STATUS') {
			const id = rest[0] === 'ID' ? rest[1] : null;
			const tasks = this.#look((task) => task.target === me && (id === null || task.id === id));
			return encode(
				tasks.map((task) => [
					'id',
					task.id,
					'slots',
					formatSlotRanges(task.slots, ','),
					'source',
					this.ids[task.source]!,
					'dest',
					this.ids[task.target]!,
					'operation',
					'import',
					'state',
					task.state === 'success' ? 'completed' : task.state,
					'last_error',
					errorOf(task),
					'retries',
					0,
					'create_time',
					1,
				]),
			);
		}
		this.changes.push(`${me}> CLUSTER MIGRATION ${[what, ...rest].join(' ')}`);
		this.onChange();
		if (what === 'CANCEL') {
			for (const task of this.tasks) if (task.id === rest[1]) task.state = 'canceled';
			return encode(1);
		}
		return encode(this.begin(1 - me, me, rangesOf(rest)).id);
	}

	#migrateSlots(me: number, words: readonly string[]): string {
		this.changes.push(`${me}> CLUSTER MIGRATESLOTS ${words.join(' ')}`);
		this.onChange();
		const end = words.indexOf('NODE');
		this.begin(me, this.ids.indexOf(words[end + 1]!), rangesOf(words.slice(1, end)));
		return '+OK\r\n';
	}

	#valkeyTask(task: Task): Value {
		return [
			'name',
			task.id,
			'operation',
			'EXPORT',
			'slot_ranges',
			formatSlotRanges(task.slots),
			'target_node',
			this.ids[task.target]!,
			'source_node',
			this.ids[task.source]!,
			'create_time',
			1,
			'state',
			task.state,
			'message',
			errorOf(task),
		];
	}

	/** Who looks at a task lets it go on. */
	#look(isWanted: (task: Task) => boolean): Task[] {
		const tasks = this.tasks.filter(isWanted);
		for (const task of tasks) {
			if (task.state !== 'running' || this.endsWith === 'goes on' || ++task.looks < 2) continue;
			task.state = this.endsWith === 'success' ? 'success' : 'failed';
			if (task.state === 'failed') continue;
			for (const [start, end] of task.slots) this.#owners.fill(task.target, start, end + 1);
		}
		return tasks;
	}

	#nodesText(me: number): string {
		const hasCollision = this.collidingLooks > 0;
		if (hasCollision) this.collidingLooks--;
		return this.nodes
			.map(({host, port}, i) => {
				const flags = i === me ? 'myself,master' : 'master';
				return `${this.ids[i]} ${host}:${port}@${port} ${flags} - 0 0 ${hasCollision ? 7 : i + 1} connected ${this.slotsOf(i)}\n`;
			})
			.join('');
	}
}

function errorOf({state}: Task): string {
	return state === 'failed' ? 'out of memory' : '';
}

function rangesOf(bounds: readonly string[]): SlotRange[] {
	return Array.from({length: bounds.length / 2}, (_, i) => [
		Number(bounds[2 * i]),
		Number(bounds[2 * i + 1]),
	]);
}

function unknown(subcommand: string): string {
	return `-ERR unknown subcommand '${subcommand}'. Try CLUSTER HELP.\r\n`;
}

function encode(value: Value): string {
	if (value === null) return '*-1\r\n';
	if (typeof value === 'number') return `:${value}\r\n`;
	if (typeof value === 'string') return `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
	return `*${value.length}\r\n${value.map(encode).join('')}`;
}
