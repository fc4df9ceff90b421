/** Cluster shells in the test's own thread: real MessageChannels, real files in a temporary directory, no TCP. */
import * as fs from 'node:fs';
import {tmpdir} from 'node:os';
import * as path from 'node:path';
import type {ExecutionContext} from 'ava';
import {type ClusterConfig, defaultClusterConfig} from '../../src/cluster/config.ts';
import type {ClusterEvent, RoleChange, WritePause} from '../../src/cluster/effects.ts';
import {systemClock} from '../../src/node/clock.ts';
import {ClusterNode, type ClusterStateReport} from '../../src/node/cluster-node.ts';
import {FileDisk} from '../../src/node/disk.ts';
import type {Disk} from '../../src/node/ports.ts';
import {SecureRandom} from '../../src/node/secure-random.ts';
import {createSlotTable} from '../../src/node/slot-table.ts';
import {dataFacts} from '../helpers/data-facts.ts';
import {Mesh} from './mesh.ts';

export interface TestNode {
	readonly node: ClusterNode;
	readonly port: number;
	readonly file: string;
	readonly config: ClusterConfig;
	readonly events: ClusterEvent[];
	readonly logs: string[];
	readonly roles: RoleChange[];
	readonly pauses: WritePause[];
	/** What the data plane says of its replication. */
	readonly replication: {offset: number; isLinkUp: boolean; ageMs: number};
	readonly states: ClusterStateReport[];
	/** Keys that the data plane says it has, by slot. */
	readonly keys: Map<number, number>;
	/** Resolves when the condition holds; looks at each state report and ten times a second. */
	readonly until: (condition: () => boolean) => Promise<void>;
}

export interface TestNodeOptions {
	readonly config?: Partial<ClusterConfig>;
	readonly disk?: Disk;
	readonly sendBufferLimitBytes?: number;
	/** Within the step that tells of it, with what stands in nodes.conf then. */
	readonly onEvent?: (event: ClusterEvent, nodesConf: string) => void;
}

export class TestCluster {
	readonly mesh = new Mesh();
	readonly slotTable: SharedArrayBuffer;
	readonly directory: string;
	readonly #nodes = new Map<number, ClusterNode>();
	readonly #timers = new Set<NodeJS.Timeout>();

	constructor(t: ExecutionContext, nodeCount: number) {
		this.slotTable = createSlotTable(nodeCount);
		this.directory = fs.mkdtempSync(path.join(tmpdir(), 'shoal-cluster-'));
		t.teardown(async () => {
			for (const timer of this.#timers) clearInterval(timer);
			await Promise.all([...this.#nodes.values()].map((node) => node.stop()));
			fs.rmSync(this.directory, {recursive: true, force: true});
		});
	}

	/** Port 7000 + index. Starting an index again is a restart with the same files. */
	async start(index: number, options: TestNodeOptions = {}): Promise<TestNode> {
		const port = 7000 + index;
		const directory = path.join(this.directory, String(port));
		fs.mkdirSync(directory, {recursive: true});
		const file = path.join(directory, 'nodes.conf');
		const config = {...defaultClusterConfig(), ...options.config};
		const events: ClusterEvent[] = [];
		const logs: string[] = [];
		const roles: RoleChange[] = [];
		const pauses: WritePause[] = [];
		const states: ClusterStateReport[] = [];
		const keys = new Map<number, number>();
		const replication = {offset: 0, isLinkUp: false, ageMs: Infinity};
		const waiting = new Set<() => void>();
		const node = await ClusterNode.open({
			host: '127.0.0.1',
			port,
			busPort: port + 10_000,
			file,
			config,
			data: dataFacts(keys, {
				replicationOffset: () => replication.offset,
				isPrimaryLinkUp: () => replication.isLinkUp,
				dataAgeMs: () => replication.ageMs,
			}),
			bus: this.mesh.bus('127.0.0.1', port + 10_000),
			clock: systemClock,
			disk: options.disk ?? new FileDisk(),
			random: new SecureRandom(),
			slotTable: this.slotTable,
			index,
			sendBufferLimitBytes: () => options.sendBufferLimitBytes ?? 0,
			outlets: {
				role: (change) => roles.push(change),
				writePause: (change) => pauses.push(change),
				event: (event) => {
					events.push(event);
					options.onEvent?.(event, fs.readFileSync(file, 'utf8'));
				},
				log: (_level, text) => logs.push(text),
				state: (state) => {
					states.push(state);
					for (const look of waiting) look();
				},
			},
		});
		this.#nodes.set(index, node);
		node.start();
		const until = (condition: () => boolean): Promise<void> =>
			new Promise((resolve) => {
				const look = (): void => {
					if (!condition()) return;
					waiting.delete(look);
					clearInterval(timer);
					this.#timers.delete(timer);
					resolve();
				};
				const timer = setInterval(look, 100);
				this.#timers.add(timer);
				waiting.add(look);
				look();
			});
		return {node, port, file, config, events, logs, roles, pauses, replication, states, keys, until};
	}

	async stop(index: number): Promise<void> {
		const node = this.#nodes.get(index);
		this.#nodes.delete(index);
		this.mesh.remove('127.0.0.1', 17_000 + index);
		await node?.stop();
	}
}

/** As the manager does: epochs, slots in equal parts, then the first node meets the others. */
export function form(nodes: readonly TestNode[]): void {
	for (const [i, {node}] of nodes.entries()) {
		node.submit({kind: 'set-config-epoch', epoch: i + 1});
		const first = Math.round((16_384 * i) / nodes.length);
		const last = Math.round((16_384 * (i + 1)) / nodes.length) - 1;
		node.submit({kind: 'add-slots', ranges: [[first, last]]});
	}
	for (const {port} of nodes.slice(1)) {
		nodes[0]!.node.submit({kind: 'meet', host: '127.0.0.1', port, busPort: port + 10_000});
	}
}

/** Every node sees every slot covered, every member, and the cluster up. */
export const untilFormed = (nodes: readonly TestNode[]): Promise<unknown> =>
	Promise.all(nodes.map((each) => each.until(() => isFormed(each, nodes.length))));

const isFormed = ({node: {view}}: TestNode, count: number): boolean =>
	view.isOk && view.assignedCount === 16_384 && view.nodes.size === count;
