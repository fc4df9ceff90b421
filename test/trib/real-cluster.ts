/** Clusters of real servers, with keys, for tests that move slots. */

import {setTimeout as pause} from 'node:timers/promises';
import {keySlot} from '../../src/slots/key-slot.ts';
import {RespError, type Reply} from '../../src/resp/reply-parser.ts';
import {NodeConnection} from '../../src/trib/client.ts';
import type {Endpoint} from '../../src/trib/messages.ts';
import {startRedisCluster, type RedisServers} from '../helpers/redis-server.ts';
import {endpoints, runTrib} from './harness.ts';

/** Servers that are one cluster; the first `primaryCount` of them serve slots in equal shares. */
export class RealCluster implements AsyncDisposable {
	readonly servers: RedisServers;
	readonly nodes: readonly Endpoint[];
	readonly connections: readonly NodeConnection[];
	readonly ids: readonly string[];

	static async start(
		nodeCount: number,
		options: Parameters<typeof startRedisCluster>[1] = {},
	): Promise<RealCluster> {
		const servers = await startRedisCluster(nodeCount, options);
		const nodes = endpoints(servers.addresses);
		const {password} = options;
		const credentials = password === undefined ? {} : {credentials: {password}};
		const run = await runTrib({command: 'create', options: {nodes, yes: true, ...credentials}});
		if (run.exitCode !== 0) throw new Error(run.stdout);
		const connections = await Promise.all(nodes.map((node) => NodeConnection.open(node, credentials)));
		const ids = await Promise.all(connections.map((connection) => connection.call('CLUSTER', 'MYID')));
		// Servers wait before they serve what they have just been given.
		await waitUntil(async () => {
			const infos = await Promise.all(connections.map((connection) => connection.call('CLUSTER', 'INFO')));
			return infos.every((info) => String(info).startsWith('cluster_state:ok'));
		});
		return new RealCluster(servers, nodes, connections, ids.map(String));
	}

	private constructor(
		servers: RedisServers,
		nodes: readonly Endpoint[],
		connections: readonly NodeConnection[],
		ids: readonly string[],
	) {
		this.servers = servers;
		this.nodes = nodes;
		this.connections = connections;
		this.ids = ids;
	}

	/** Sends a command with a key to the node that serves its slot, as the node that is asked says. */
	async toOwner(key: string | Uint8Array, ...words: readonly (string | Uint8Array)[]): Promise<Reply> {
		let connection = this.connections[0]!;
		for (let hops = 0; hops < 5; hops++) {
			const reply = await connection.callBinary(words);
			if (!(reply instanceof RespError)) return reply;
			if (reply.code !== 'MOVED') throw reply;
			const port = Number(/:(\d+)$/.exec(reply.message)?.[1]);
			connection = this.connections[this.nodes.findIndex((node) => node.port === port)]!;
		}
		throw new Error(`nobody serves slot ${keySlot(Buffer.from(key))}`);
	}

	/** Sets `count` keys, a few of each slot from `first` on, and returns them. */
	async fill(first: number, slotCount: number, keysPerSlot: number): Promise<Map<string, string>> {
		const tags = slotTags(first, slotCount);
		const keys = new Map<string, string>();
		for (const tag of tags) {
			for (let i = 0; i < keysPerSlot; i++) keys.set(`{${tag}}:${i}`, `value ${tag} ${i}`);
		}
		await Promise.all([...keys].map(([key, value]) => this.toOwner(key, 'SET', key, value)));
		return keys;
	}

	/** The keys whose values are not what they should be. */
	async wrong(keys: ReadonlyMap<string, string>): Promise<string[]> {
		const values = await Promise.all([...keys.keys()].map((key) => this.toOwner(key, 'GET', key)));
		return [...keys].flatMap(([key, value], i) => {
			const got = values[i];
			return got instanceof Uint8Array && Buffer.from(got).toString() === value ? [] : [key];
		});
	}

	/** Keys that all nodes hold together. */
	async keyCount(): Promise<number> {
		const counts = await Promise.all(this.connections.map((connection) => connection.call('DBSIZE')));
		return counts.reduce((sum: number, count) => sum + Number(count), 0);
	}

	/** Slots that each node says it serves. */
	async slotCounts(): Promise<number[]> {
		const run = await runTrib({command: 'info', options: {node: this.nodes[0]!}});
		const report = run.result.report;
		if (report?.command !== 'info') throw new Error(run.stdout + run.stderr);
		return this.nodes.map(
			({port}) => report.nodes.find(({address}) => address.endsWith(`:${port}`))?.slotCount ?? -1,
		);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const connection of this.connections) connection.close();
		await this.servers.stop();
	}
}

const DEADLINE_MS = 30_000;

/** Asks again and again until it is so. */
export async function waitUntil(isSo: () => Promise<boolean>): Promise<void> {
	const deadline = Date.now() + DEADLINE_MS;
	while (!(await isSo())) {
		if (Date.now() > deadline) throw new Error(`not so within ${DEADLINE_MS} ms: ${isSo.toString()}`);
		await pause(5);
	}
}

/** A hash tag for each slot. */
function slotTags(first: number, count: number): string[] {
	const tags = new Map<number, string>();
	for (let i = 0; tags.size < count; i++) {
		const slot = keySlot(Buffer.from(`t${i}`));
		if (slot >= first && slot < first + count && !tags.has(slot)) tags.set(slot, `t${i}`);
	}
	return [...tags.values()];
}
