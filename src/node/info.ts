/**
 * The text of INFO: sections of `name:value` lines, with the names that exporters and dashboards of redis 7.0 read. What does not
 * exist yet (replicas, scripts, pub/sub) is told as what it is: none.
 */
import type {PubSubService} from '../commands/pubsub-service.ts';
import type {ReplicationService} from '../commands/replication-service.ts';
import type {Clients, CommandStats, Info, Memory, Stats} from '../commands/services.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {memoryRatios} from '../commands/memory-ratios.ts';
import {REDIS_VERSION} from '../commands/version.ts';
import type {NodeConfig} from './config.ts';
import type {Host} from './host.ts';
import {persistence} from './info-persistence.ts';
import {replicationLines} from './info-replication.ts';
import type {NodePersistence} from './persistence.ts';

export interface InfoSources {
	readonly pubsub: PubSubService;
	readonly config: NodeConfig;
	readonly clients: Clients;
	readonly stats: Stats;
	readonly commandStats: CommandStats;
	readonly memory: Memory;
	readonly persistence: NodePersistence;
	readonly databases: readonly Keyspace[];
	readonly host: Host;
	readonly clock: {readonly nowMs: number; wallUs(): number};
	/** Null outside cluster mode. */
	readonly clusterLinks: null | (() => {readonly count: number; readonly bytes: number});
	readonly replication: ReplicationService;
}

type Value = string | number;
export type Lines = readonly (readonly [name: string, value: Value])[];
type Section = (sources: InfoSources) => Lines;

/** In the order of printing. */
const SECTIONS: Readonly<Record<string, {readonly title: string; readonly lines: Section}>> = {
	server: {title: 'Server', lines: server},
	clients: {title: 'Clients', lines: clients},
	memory: {title: 'Memory', lines: memory},
	persistence: {title: 'Persistence', lines: persistence},
	stats: {title: 'Stats', lines: stats},
	replication: {title: 'Replication', lines: replicationSection},
	cpu: {title: 'CPU', lines: cpu},
	modules: {title: 'Modules', lines: () => []},
	commandstats: {title: 'Commandstats', lines: commandStats},
	errorstats: {title: 'Errorstats', lines: errorStats},
	latencystats: {title: 'Latencystats', lines: latencyStats},
	cluster: {title: 'Cluster', lines: cluster},
	keyspace: {title: 'Keyspace', lines: keyspace},
};

const ALL = Object.keys(SECTIONS);
const DEFAULT = ALL.filter((name) => name !== 'commandstats' && name !== 'latencystats');

export class NodeInfo implements Info {
	readonly #sources: InfoSources;

	constructor(sources: InfoSources) {
		this.#sources = sources;
	}

	text(sections: readonly string[]): string {
		const wanted = new Set(sections.flatMap(expand));
		const blocks = ALL.filter((name) => wanted.has(name)).map((name) => {
			const {title, lines} = SECTIONS[name]!;
			return `# ${title}\r\n${lines(this.#sources)
				.map(([field, value]) => `${field}:${value}\r\n`)
				.join('')}`;
		});
		return blocks.join('\r\n');
	}
}

function expand(name: string): readonly string[] {
	switch (name) {
		case 'all':
		case 'everything':
			return ALL;
		case 'default':
			return DEFAULT;
		case 'module_list':
			return ['modules'];
		default:
			return [name];
	}
}

function server({config, stats: {startedAtMs}, host, clock, clusterLinks}: InfoSources): Lines {
	const {settings} = config;
	const uptimeSeconds = Math.max(0, Math.floor((clock.nowMs - startedAtMs) / 1000));
	return [
		['redis_version', REDIS_VERSION],
		['redis_git_sha1', '00000000'],
		['redis_git_dirty', 0],
		['redis_build_id', '0'],
		['redis_mode', clusterLinks === null ? 'standalone' : 'cluster'],
		['os', host.system],
		['arch_bits', host.archBits],
		['monotonic_clock', 'POSIX clock_gettime'],
		['multiplexing_api', 'libuv'],
		['node_version', host.nodeVersion],
		['process_id', host.processId],
		['process_supervised', 'no'],
		['run_id', host.runId],
		['tcp_port', settings.port],
		['server_time_usec', clock.wallUs()],
		['uptime_in_seconds', uptimeSeconds],
		['uptime_in_days', Math.floor(uptimeSeconds / 86_400)],
		['hz', settings.hz],
		['configured_hz', settings.hz],
		['lru_clock', Math.floor(clock.nowMs / 1000) & 0xff_ffff],
		['executable', host.executable],
		['config_file', config.file],
		['io_threads_active', 0],
	];
}

function clients({clients: connected, config, clusterLinks, replication}: InfoSources): Lines {
	let inputBytes = 0;
	let outputBytes = 0;
	for (const {connection} of connected) {
		inputBytes = Math.max(inputBytes, connection.inputBufferBytes);
		outputBytes = Math.max(outputBytes, connection.pendingOutputBytes);
	}
	return [
		['connected_clients', connected.count - replication.followers().length],
		['cluster_connections', clusterLinks?.().count ?? 0],
		['maxclients', config.settings.maxClients],
		['client_recent_max_input_buffer', inputBytes],
		['client_recent_max_output_buffer', outputBytes],
		['blocked_clients', connected.postponedCount + connected.blockedCount],
		['tracking_clients', 0],
		['clients_in_timeout_table', connected.timedBlockCount],
	];
}

function memory({memory: source, config, clusterLinks, persistence: files, replication}: InfoSources): Lines {
	const {backlog} = replication.history;
	const figures = source.figures();
	const ratios = memoryRatios(figures);
	const {maxMemoryBytes, maxMemoryPolicy} = config.settings;
	return [
		['used_memory', figures.usedBytes],
		['used_memory_human', human(figures.usedBytes)],
		['used_memory_rss', figures.residentBytes],
		['used_memory_rss_human', human(figures.residentBytes)],
		['used_memory_peak', figures.peakBytes],
		['used_memory_peak_human', human(figures.peakBytes)],
		['used_memory_peak_perc', `${ratios.peakPercent.toFixed(2)}%`],
		['used_memory_overhead', ratios.overheadBytes],
		['used_memory_startup', figures.startupBytes],
		['used_memory_dataset', figures.datasetBytes],
		['used_memory_dataset_perc', `${ratios.datasetPercent.toFixed(2)}%`],
		['allocator_allocated', ratios.allocatedBytes],
		['allocator_active', ratios.activeBytes],
		['allocator_resident', ratios.activeBytes],
		['total_system_memory', figures.systemBytes],
		['total_system_memory_human', human(figures.systemBytes)],
		['used_memory_lua', 0],
		['used_memory_vm_eval', 0],
		['used_memory_lua_human', '0B'],
		['used_memory_scripts_eval', 0],
		['number_of_cached_scripts', 0],
		['number_of_functions', 0],
		['number_of_libraries', 0],
		['used_memory_vm_functions', 0],
		['used_memory_vm_total', 0],
		['used_memory_vm_total_human', '0B'],
		['used_memory_functions', 0],
		['used_memory_scripts', 0],
		['used_memory_scripts_human', '0B'],
		['maxmemory', maxMemoryBytes],
		['maxmemory_human', human(maxMemoryBytes)],
		['maxmemory_policy', maxMemoryPolicy],
		['allocator_frag_ratio', ratios.fragmentation.toFixed(2)],
		['allocator_frag_bytes', ratios.fragmentationBytes],
		['allocator_rss_ratio', '1.00'],
		['allocator_rss_bytes', 0],
		['rss_overhead_ratio', ratios.residentOverhead.toFixed(2)],
		['rss_overhead_bytes', ratios.residentOverheadBytes],
		['mem_fragmentation_ratio', ratios.residentRatio.toFixed(2)],
		['mem_fragmentation_bytes', ratios.residentRatioBytes],
		['mem_not_counted_for_evict', 0],
		['mem_replication_backlog', backlog === null ? 0 : backlog.sizeBytes],
		['mem_total_replication_buffers', 0],
		['mem_clients_slaves', 0],
		['mem_clients_normal', figures.clientsBytes],
		['mem_cluster_links', clusterLinks?.().bytes ?? 0],
		['mem_aof_buffer', files.aof.pendingBytes],
		['mem_allocator', 'arena'],
		['active_defrag_running', 0],
		['lazyfree_pending_objects', 0],
		['lazyfreed_objects', 0],
	];
}

function stats({stats: figures, databases, pubsub}: InfoSources): Lines {
	const sum = (figure: (db: Keyspace) => number): number =>
		databases.reduce((total, db) => total + figure(db), 0);
	const volatile = sum((db) => db.volatileCount);
	const stale = volatile === 0 ? 0 : sum((db) => db.staleShare * db.volatileCount) / volatile;
	return [
		['total_connections_received', figures.totalConnections],
		['total_commands_processed', figures.totalCommands],
		['instantaneous_ops_per_sec', figures.opsPerSecond],
		['total_net_input_bytes', figures.netInputBytes],
		['total_net_output_bytes', figures.netOutputBytes],
		['total_net_repl_input_bytes', figures.netReplicationInputBytes],
		['total_net_repl_output_bytes', figures.netReplicationOutputBytes],
		['instantaneous_input_kbps', figures.inputKbps.toFixed(2)],
		['instantaneous_output_kbps', figures.outputKbps.toFixed(2)],
		['instantaneous_input_repl_kbps', figures.replicationInputKbps.toFixed(2)],
		['instantaneous_output_repl_kbps', figures.replicationOutputKbps.toFixed(2)],
		['rejected_connections', figures.rejectedConnections],
		['sync_full', figures.syncFull],
		['sync_partial_ok', figures.syncPartialOk],
		['sync_partial_err', figures.syncPartialErr],
		['expired_keys', sum((db) => db.expiredCount)],
		['expired_stale_perc', (stale * 100).toFixed(2)],
		['expired_time_cap_reached_count', figures.expireCyclesCapped],
		['expire_cycle_cpu_milliseconds', Math.floor(figures.expireCycleCpuUs / 1000)],
		['evicted_keys', figures.evictedKeys],
		['evicted_clients', figures.evictedClients],
		['client_output_buffer_limit_disconnections', figures.outputBufferLimitDisconnections],
		['total_eviction_exceeded_time', 0],
		['current_eviction_exceeded_time', 0],
		['keyspace_hits', sum((db) => db.keyspaceHits)],
		['keyspace_misses', sum((db) => db.keyspaceMisses)],
		['pubsub_channels', pubsub.nameCount('channels')],
		['pubsub_patterns', pubsub.nameCount('patterns')],
		['pubsubshard_channels', pubsub.nameCount('shardChannels')],
		['latest_fork_usec', 0],
		['total_forks', 0],
		['migrate_cached_sockets', 0],
		['slave_expires_tracked_keys', 0],
		['active_defrag_hits', 0],
		['active_defrag_misses', 0],
		['active_defrag_key_hits', 0],
		['active_defrag_key_misses', 0],
		['total_active_defrag_time', 0],
		['current_active_defrag_time', 0],
		['tracking_total_keys', 0],
		['tracking_total_items', 0],
		['tracking_total_prefixes', 0],
		['unexpected_error_replies', figures.unexpectedErrorReplies],
		['total_error_replies', figures.totalErrorReplies],
		['dump_payload_sanitizations', 0],
		['total_reads_processed', figures.totalReads],
		['total_writes_processed', figures.totalWrites],
		['io_threaded_reads_processed', 0],
		['io_threaded_writes_processed', 0],
		['reply_buffer_shrinks', 0],
		['reply_buffer_expands', 0],
	];
}

function replicationSection({replication, config}: InfoSources): Lines {
	return replicationLines(replication, config.settings);
}

function cpu({host}: InfoSources): Lines {
	const {user, system} = host.cpu();
	const none = (0).toFixed(6);
	return [
		['used_cpu_sys', system.toFixed(6)],
		['used_cpu_user', user.toFixed(6)],
		['used_cpu_sys_children', none],
		['used_cpu_user_children', none],
		['used_cpu_sys_main_thread', system.toFixed(6)],
		['used_cpu_user_main_thread', user.toFixed(6)],
	];
}

function commandStats({commandStats: figures}: InfoSources): Lines {
	return figures.used().map(([{name}, {calls, usec, rejectedCalls, failedCalls}]) => {
		const perCall = calls === 0 ? 0 : usec / calls;
		return [
			`cmdstat_${name}`,
			`calls=${calls},usec=${Math.round(usec)},usec_per_call=${perCall.toFixed(2)},rejected_calls=${rejectedCalls},failed_calls=${failedCalls}`,
		];
	});
}

function errorStats({stats: figures}: InfoSources): Lines {
	return figures.errors().map(([word, count]) => [`errorstat_${word}`, `count=${count}`]);
}

function latencyStats({commandStats: figures, config}: InfoSources): Lines {
	const percentiles = config.settings.latencyTrackingInfoPercentiles;
	return figures.used().flatMap(([{name}, {histogram}]) => {
		if (histogram === null || percentiles.length === 0) return [];
		const values = percentiles.map((each) => `p${each}=${(histogram.percentileNs(each) / 1000).toFixed(3)}`);
		return [[`latency_percentiles_usec_${name}`, values.join(',')] as const];
	});
}

function cluster({clusterLinks}: InfoSources): Lines {
	return [['cluster_enabled', clusterLinks === null ? 0 : 1]];
}

function keyspace({databases}: InfoSources): Lines {
	return databases.flatMap((db, index) => {
		if (db.size === 0) return [];
		const expires = db.volatileCount;
		return [
			[
				`db${index}`,
				`keys=${db.size},expires=${expires},avg_ttl=${Math.floor(expires === 0 ? 0 : db.avgTtlMs)}`,
			] as const,
		];
	});
}

/** As redis prints sizes: `512B`, `1.50K`, `2.00G`. */
function human(bytes: number): string {
	const units = ['B', 'K', 'M', 'G', 'T', 'P'];
	const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
	return power === 0 ? `${bytes}B` : `${(bytes / 1024 ** power).toFixed(2)}${units[power]}`;
}
