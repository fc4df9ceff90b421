/**
 * What a cluster is to be: the settings that cluster.yaml, the command line and the API all end in, their defaults and the
 * rules that bind several of them together. What a single value may be is said here once, in `FIELDS`; how it is written
 * is the business of cluster-yaml.ts and of the command line.
 */
import {isIP} from 'node:net';
import {UsageError} from './errors.ts';
import type {TransportChoice} from './messages.ts';

/** Clients expect the bus at this distance from a node's port: `127.0.0.1:7000@17000`. */
export const BUS_PORT_OFFSET = 10_000;
/** The highest port that leaves room for its bus port. */
export const HIGHEST_PORT = 65_535 - BUS_PORT_OFFSET;
const HIGHEST_SHARD_COUNT = 256;
/** Of one primary. */
const HIGHEST_REPLICA_COUNT = 5;

/** The engine that nodes are threads of this process with. */
export const OWN_ENGINE = 'shoal';

/** Directives of redis.conf by name. */
export type Directives = Readonly<Record<string, string>>;

/** What becomes of a node that crashed: nothing, or it is started again (restart-policy.ts). */
export type RestartMode = 'never' | 'on-failure';

/** Files in PEM, absolute paths. Without `ca` the system's authorities count. */
export interface HostTls {
	readonly ca?: string;
	/** Of the client, for servers that ask for one; with `key`. */
	readonly cert?: string;
	readonly key?: string;
	/** False: any certificate will do. Default true. */
	readonly rejectUnauthorized?: boolean;
}

/** A node that runs elsewhere. */
export interface HostSettings {
	readonly host: string;
	readonly port: number;
	readonly user?: string;
	/** Default: `password` of the settings. */
	readonly password?: string;
	/** Left out: without TLS. */
	readonly tls?: HostTls;
}

/** Wishes as they come from one source; what is left out is decided elsewhere. */
export interface ClusterWishes {
	readonly name?: string;
	readonly engine?: string;
	readonly shards?: number;
	readonly replicas?: number;
	readonly basePort?: number;
	readonly bind?: string;
	readonly dataDir?: string;
	readonly nodeTimeoutMs?: number;
	readonly password?: string;
	readonly restart?: RestartMode;
	readonly transport?: TransportChoice;
	readonly config?: Directives;
	/** Nodes that run elsewhere, in place of those that `shards` and the like ask for. */
	readonly hosts?: readonly HostSettings[];
	/** Overrides for single nodes, by index from 0 or by port. */
	readonly nodes?: ReadonlyMap<number, Directives>;
}

/** Complete and consistent. */
export interface ClusterSettings {
	readonly name: string;
	/** `shoal`, the name of a server on the PATH, or a path. */
	readonly engine: string;
	readonly shards: number;
	readonly replicas: number;
	/** 0: the system chooses a free port for each node. */
	readonly basePort: number;
	/** An IP address; nodes listen on it and announce it. */
	readonly bind: string;
	/** As it was written: relative to the working directory. */
	readonly dataDir: string;
	readonly nodeTimeoutMs: number;
	/** Empty: none is asked. */
	readonly password: string;
	readonly restart: RestartMode;
	readonly transport: TransportChoice;
	readonly config: Directives;
	/** Not empty: nothing is started, the nodes run elsewhere. */
	readonly hosts: readonly HostSettings[];
	readonly nodes: ReadonlyMap<number, Directives>;
}

const DEFAULTS: ClusterSettings = {
	name: 'shoal',
	engine: OWN_ENGINE,
	shards: 3,
	replicas: 0,
	basePort: 7000,
	bind: '127.0.0.1',
	dataDir: '.shoal',
	nodeTimeoutMs: 15_000,
	password: '',
	restart: 'never',
	transport: 'auto',
	config: {},
	hosts: [],
	nodes: new Map(),
};

/** Primaries and their replicas. */
export const nodeCountOf = (settings: ClusterSettings): number => settings.shards * (1 + settings.replicas);

/** What a value must be, for one setting that is a number or a word. */
export interface Field {
	readonly type: 'number' | 'string';
	/** Why the value is refused and what to write instead, as the end of a sentence; null when it is good. */
	refuse(value: number | string): string | null;
}

const wholeNumber = (least: number, most: number): Field => ({
	type: 'number',
	refuse(value) {
		if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
			return `must be a whole number from ${least} to ${most}, not ${shown(value)}`;
		}
		return null;
	},
});

const words = (also: (value: string) => string | null): Field => ({
	type: 'string',
	refuse(value) {
		if (typeof value !== 'string') return `must be text, not ${shown(value)}; put it in quotes`;
		return also(value);
	},
});

const ENGINES: readonly string[] = [OWN_ENGINE, 'redis-server', 'valkey-server'];

/** The single settings by their name in cluster.yaml. */
export const FIELDS = {
	name: words((value) =>
		/^[\w.-]{1,64}$/.test(value)
			? null
			: `must be 1 to 64 letters, digits, ".", "_" or "-", not ${shown(value)}`,
	),
	engine: words((value) =>
		ENGINES.includes(value) || value.includes('/')
			? null
			: `must be ${ENGINES.join(', ')} or the path of a server such as /usr/bin/redis-server, not ${shown(value)}`,
	),
	shards: wholeNumber(1, HIGHEST_SHARD_COUNT),
	replicas: wholeNumber(0, HIGHEST_REPLICA_COUNT),
	basePort: wholeNumber(0, 65_535),
	bind: words((value) => {
		if (value === '0.0.0.0' || value === '::')
			return `is no address that a node can announce; name one that clients reach, such as 127.0.0.1`;
		return isIP(value) === 0
			? `must be an IP address of this machine such as 127.0.0.1, not ${shown(value)}`
			: null;
	}),
	dataDir: words((value) =>
		value === '' ? 'must not be empty; name a directory, or leave the key out for .shoal' : null,
	),
	nodeTimeout: wholeNumber(50, 3_600_000),
	password: words((value) => (value === '' ? 'must not be empty; leave the key out for no password' : null)),
	restart: words((value) =>
		value === 'never' || value === 'on-failure' ? null : `must be never or on-failure, not ${shown(value)}`,
	),
} as const satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;

/** A value as a message shows it. */
export function shown(value: unknown): string {
	if (typeof value === 'string') return JSON.stringify(value);
	if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
	return Array.isArray(value) ? 'a list' : 'a group of keys';
}

/** Where a setting was written, for messages: `cluster.yaml:7: basePort`, `--base-port`. */
export type WhereIs = (field: string) => string;

/** What tells how nodes are started; the name in cluster.yaml by the name of the wish. */
const OF_STARTED_NODES: Readonly<Partial<Record<keyof ClusterWishes, string>>> = {
	engine: 'engine',
	shards: 'shards',
	replicas: 'replicas',
	basePort: 'basePort',
	bind: 'bind',
	nodeTimeoutMs: 'nodeTimeout',
	restart: 'restart',
	config: 'config',
	nodes: 'nodes',
};

/**
 * Later wishes win over earlier ones, `config` and `nodes` key by key.
 * @throws UsageError when the settings do not fit together; `where` names the culprit
 */
export function settle(wishes: readonly ClusterWishes[], where: WhereIs): ClusterSettings {
	const single = Object.assign({}, ...wishes) as ClusterWishes;
	const settings: ClusterSettings = {
		...DEFAULTS,
		...single,
		config: Object.assign({}, ...wishes.map((wish) => wish.config ?? {})),
		nodes: mergeNodes(wishes),
	};
	if (settings.hosts.length > 0) {
		const wrong = Object.entries(OF_STARTED_NODES)
			.filter(([wish]) => wish in single)
			.map(
				([, key]) =>
					`${where(key)}: cannot stand beside hosts: these nodes run elsewhere; delete one of both`,
			);
		if (wrong.length > 0) throw new UsageError(wrong.join('\n'));
	}
	if (settings.engine !== OWN_ENGINE && single.transport !== undefined)
		throw new UsageError(`--transport: is for nodes that are threads; ${settings.engine} has its own`);
	const nodeCount = nodeCountOf(settings);
	const lastPort = settings.basePort + nodeCount - 1;
	if (settings.basePort !== 0 && lastPort > HIGHEST_PORT) {
		throw new UsageError(
			`${where('basePort')}: port ${lastPort} leaves no room for its bus port ${lastPort + BUS_PORT_OFFSET} (the highest is 65535); ` +
				`write ${HIGHEST_PORT - nodeCount + 1} or less for ${count(nodeCount, 'node')}`,
		);
	}
	return settings;
}

function mergeNodes(wishes: readonly ClusterWishes[]): Map<number, Directives> {
	const merged = new Map<number, Directives>();
	for (const {nodes} of wishes)
		for (const [key, directives] of nodes ?? []) merged.set(key, {...merged.get(key), ...directives});
	return merged;
}

/** The index that a key of `nodes:` means, or null when the cluster has no such node. Without a base port only indexes count. */
export function nodeIndexOf(key: number, settings: ClusterSettings): number | null {
	const nodeCount = nodeCountOf(settings);
	if (key >= 0 && key < nodeCount) return key;
	const index = key - settings.basePort;
	return settings.basePort !== 0 && index >= 0 && index < nodeCount ? index : null;
}

/** All directives of one node: those of the settings themselves, of all nodes, and its own, the later ones winning. */
export function directivesOf(index: number, settings: ClusterSettings): Directives {
	const directives: Record<string, string> = {'cluster-enabled': 'yes'};
	// A default must not overrule what CONFIG REWRITE kept.
	if (settings.nodeTimeoutMs !== DEFAULTS.nodeTimeoutMs) {
		directives['cluster-node-timeout'] = String(settings.nodeTimeoutMs);
	}
	if (settings.password !== '')
		Object.assign(directives, {requirepass: settings.password, masterauth: settings.password});
	Object.assign(directives, settings.config);
	for (const [key, own] of settings.nodes)
		if (nodeIndexOf(key, settings) === index) Object.assign(directives, own);
	return directives;
}

/** False when a node was told `cluster-enabled no`: it runs alone, and there is no cluster to make. */
export function areClusterNodes(settings: ClusterSettings): boolean {
	return Array.from({length: nodeCountOf(settings)}, (_, index) => directivesOf(index, settings)).every(
		(directives) => directives['cluster-enabled'] !== 'no',
	);
}

/** `1 node`, `3 nodes`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
