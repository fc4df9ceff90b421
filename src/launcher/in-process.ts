/** What stands behind the public API: checks its options, starts a launcher, and shows of it what a program needs. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import * as path from 'node:path';
import type {Cluster, ClusterNode, ClusterOptions, NodeTarget} from '../index.ts';
import {carryOut, type ActReport, type NodeAct, readAct} from './acts.ts';
import {refuseDirective} from './directives.ts';
import {LaunchError, UsageError} from './errors.ts';
import {launch, type Launcher} from './launcher.ts';
import {nearest} from './nearest.ts';
import type {NodeHandle} from './node-handle.ts';
import {
	FIELDS,
	settle,
	shown,
	type ClusterSettings,
	type ClusterWishes,
	type Directives,
} from './settings.ts';
import type {ThreadFiles} from './thread-files.ts';

/** Options that are settings, and the field that knows their rules. */
const SETTINGS = {
	name: FIELDS.name,
	engine: FIELDS.engine,
	shards: FIELDS.shards,
	replicas: FIELDS.replicas,
	basePort: FIELDS.basePort,
	bind: FIELDS.bind,
	dataDir: FIELDS.dataDir,
	nodeTimeoutMs: FIELDS.nodeTimeout,
	password: FIELDS.password,
	restart: FIELDS.restart,
} as const;

const OPTIONS = [...Object.keys(SETTINGS), 'config', 'create', 'signal', 'onEvent'];

export async function startInProcess(options: ClusterOptions, threads: ThreadFiles): Promise<Cluster> {
	const wishes = wishesOf(options);
	const {create, signal, onEvent} = options;
	const wished = settle([wishes], (field) => field);
	const temporary = wishes.dataDir === undefined;
	const settings = temporary ? inTemporaryDirectory(wished) : wished;
	const launcher = await launch({
		settings,
		threads,
		temporary,
		...(create === undefined ? {} : {create}),
		...(signal === undefined ? {} : {signal}),
		...(onEvent === undefined ? {} : {onEvent}),
	}).catch((error: unknown) => {
		if (temporary) rmSync(settings.dataDir, {recursive: true, force: true});
		throw error;
	});
	return new RunningCluster(launcher);
}

function inTemporaryDirectory(settings: ClusterSettings): ClusterSettings {
	return {
		...settings,
		// Readable by this user alone, since nobody chose the place.
		dataDir: mkdtempSync(path.join(tmpdir(), 'shoal-')),
		// Nobody will ever read a snapshot.
		config: {save: '', ...settings.config},
	};
}

class RunningCluster implements Cluster {
	readonly #launcher: Launcher;

	constructor(launcher: Launcher) {
		this.#launcher = launcher;
	}

	get nodes(): readonly ClusterNode[] {
		return this.#launcher.nodes.map((node) => clusterNode(node));
	}

	get address(): string {
		const {nodes} = this;
		return (nodes.find(({phase}) => phase === 'running') ?? nodes[0])?.address ?? '';
	}

	async kill(node: NodeTarget, options: {readonly graceful?: boolean} = {}): Promise<void> {
		await this.#act({action: 'kill', targets: [targetOf(node)], ...options});
	}

	async start(node: NodeTarget): Promise<void> {
		await this.#act({action: 'start', targets: [targetOf(node)]});
	}

	async restart(
		node: NodeTarget,
		options: {readonly graceful?: boolean; readonly afterMs?: number} = {},
	): Promise<void> {
		await this.#act({action: 'restart', targets: [targetOf(node)], ...options});
	}

	async addNode(options: {readonly port?: number} = {}): Promise<ClusterNode> {
		const {nodes} = await this.#act({action: 'add', ...options});
		const added = this.#launcher.nodes[nodes[0]?.index ?? -1];
		if (added === undefined) throw new LaunchError('the new node is gone already');
		return clusterNode(added);
	}

	async stopNode(node: NodeTarget): Promise<void> {
		await this.#act({action: 'stop', targets: [targetOf(node)]});
	}

	stop(): Promise<void> {
		return this.#launcher.stop(BY);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.stop();
	}

	async #act(act: NodeAct): Promise<ActReport> {
		const report = await carryOut(this.#launcher, readAct({...act}), BY);
		const wrong = report.nodes.flatMap(({error}) => error ?? []);
		if (wrong.length > 0) throw new LaunchError(wrong.join('\n'));
		return report;
	}
}

/** Who ends nodes, for events. */
const BY = 'stopped by the program';

function clusterNode({nodeId, phase, role, start: {host, port}}: NodeHandle): ClusterNode {
	const node = {host, port, id: nodeId, address: addressOf(host, port), phase};
	return role === null ? node : {...node, role: role.role};
}

const addressOf = (host: string, port: number): string => `${host}:${port}`;

/** Of a node only the address counts: what it was else may have changed since. */
const targetOf = (target: NodeTarget): string =>
	typeof target === 'object' ? addressOf(target.host, target.port) : String(target);

/** Programs that are not type-checked get the same messages as cluster.yaml. */
function wishesOf(options: ClusterOptions): ClusterWishes {
	const wishes: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(options)) {
		if (!OPTIONS.includes(name))
			throw new UsageError(`${name}: is no option of startCluster${nearest(name, OPTIONS)}`);
		if (value === undefined || !(name in SETTINGS)) continue;
		const problem =
			typeof value === 'number' || typeof value === 'string'
				? SETTINGS[name as keyof typeof SETTINGS].refuse(value)
				: `cannot be ${shown(value)}`;
		if (problem !== null) throw new UsageError(`${name}: ${problem}`);
		wishes[name] = value;
	}
	if (options.config !== undefined) wishes['config'] = directivesOf(options.config, options.engine);
	return wishes;
}

function directivesOf(config: NonNullable<ClusterOptions['config']>, engine: string | undefined): Directives {
	const directives: Record<string, string> = {};
	for (const [name, value] of Object.entries(config)) {
		const text = typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
		const problem = refuseDirective(name, text, engine);
		if (problem !== null) throw new UsageError(`config.${name}: ${problem}`);
		directives[name.toLowerCase()] = text;
	}
	return directives;
}
