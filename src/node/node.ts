/**
 * The composition root of one node: makes its parts, gives each the ports it may use, starts and stops them in order.
 *
 *     launcher  <-messages->  node
 *                              |- frontend (transport, connections) -> executor -> commands -> databases
 *                              |- cluster node (core, bus, nodes.conf, slot table)
 *                              `- cron
 */
import {join} from 'node:path';
import {existsSync, readFileSync} from 'node:fs';
import type {ClusterEvent, LogLevel} from '../cluster/effects.ts';
import {isPrimary} from '../cluster/state.ts';
import {Client, NO_CONNECTION} from '../commands/client.ts';
import {CommandError} from '../commands/errors.ts';
import {allCommands} from '../commands/families.ts';
import type {Services, ShutdownOptions} from '../commands/services.ts';
import {CommandTable} from '../commands/table.ts';
import {Keyspace} from '../data/keyspace.ts';
import type {FromNode, NodeStart, ToNode} from '../launcher/messages.ts';
import {assert} from '../lib/assert.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import {Request} from '../resp/request.ts';
import {ACCESS_PARAMETERS, applyAccessSettings} from './access-settings.ts';
import {MeshBus} from './bus.ts';
import {chooseTransport} from './choose-transport.ts';
import {NodeClients} from './clients.ts';
import {systemClock} from './clock.ts';
import {CLUSTER_PARAMETERS, clusterConfigOf} from './cluster-settings.ts';
import {ClusterNode} from './cluster-node.ts';
import {CommandStream} from './command-stream.ts';
import {NodeCommandStats} from './command-stats.ts';
import {type ConfigFilePort, NodeConfig} from './config.ts';
import {directivePairs, parseConfigFile} from './config-file.ts';
import {Cron} from './cron.ts';
import {FileDisk} from './disk.ts';
import {Executor} from './executor.ts';
import {Frontend} from './frontend.ts';
import {createHost} from './host.ts';
import {NodeInfo} from './info.ts';
import {NodeLatencyMonitor} from './latency.ts';
import {NodeMemory} from './memory.ts';
import {NodeMigrations} from './migrations.ts';
import {MigrationTargets} from './migration-targets.ts';
import {NodePersistence} from './persistence.ts';
import {Replication} from './replication.ts';
import {SecureRandom} from './secure-random.ts';
import {ShutdownWait} from './shutdown-wait.ts';
import {SlotMigrations} from './slot-migrations.ts';
import {NodeSlowlog} from './slowlog.ts';
import {NodeStats} from './stats.ts';
import {StreamLinks} from './stream-links.ts';
import type {Listener} from './transport.ts';
import {TurnClock} from './turn-clock.ts';

export interface RunningNode {
	/** A message of the launcher. */
	receive(message: ToNode): void;
}

/** Rejects when the node cannot start: nothing is left open then. */
export async function startNode(start: NodeStart, post: (message: FromNode) => void): Promise<RunningNode> {
	const node = new Node(start, post);
	await node.start();
	return node;
}

class Node implements RunningNode {
	readonly #start: NodeStart;
	readonly #post: (message: FromNode) => void;
	readonly #config: NodeConfig;
	readonly #databases: Keyspace[];
	readonly #stream = new CommandStream();
	readonly #clients: NodeClients;
	readonly #turnClock = new TurnClock();
	readonly #bus: MeshBus;
	readonly #disk = new FileDisk();
	readonly #latency: NodeLatencyMonitor;
	readonly #persistence: NodePersistence;
	readonly #stats: NodeStats;
	readonly #replication: Replication;
	readonly #shutdownWait: ShutdownWait;
	readonly #slotMigrations: SlotMigrations | null;
	#links: StreamLinks | null = null;
	#memory: NodeMemory | null = null;
	#cluster: ClusterNode | null = null;
	#frontend: Frontend | null = null;
	#cron: Cron | null = null;
	#listener: Listener | null = null;
	#stopping = false;

	constructor(start: NodeStart, post: (message: FromNode) => void) {
		this.#start = start;
		this.#post = post;
		this.#config = new NodeConfig({directives: directivesOf(start), file: configFileOf(start, this.#disk)});
		const {settings} = this.#config;
		this.#clients = new NodeClients(this.#config);
		this.#databases = Array.from({length: settings.clusterEnabled ? 1 : settings.databases}, () =>
			this.#makeDatabase(),
		);
		this.#latency = new NodeLatencyMonitor(settings);
		this.#persistence = this.#makePersistence();
		this.#stats = new NodeStats(this.#turnClock.nowMs);
		this.#replication = this.#makeReplication();
		this.#shutdownWait = new ShutdownWait({
			clients: this.#clients,
			clock: systemClock,
			replication: this.#replication,
			settings,
			log: (level, text) => {
				this.#log(level, text);
			},
		});
		this.#slotMigrations = settings.clusterEnabled
			? new SlotMigrations({
					db: this.#databases[0]!,
					stream: this.#stream,
					clients: this.#clients,
					clock: systemClock,
				})
			: null;
		this.#bus = new MeshBus((request) => {
			post(request);
		});
	}

	#makePersistence(): NodePersistence {
		return new NodePersistence({
			disk: this.#disk,
			clock: systemClock,
			config: this.#config,
			databases: this.#databases,
			stream: this.#stream,
			latency: this.#latency,
			isPrimary: () => this.#isPrimary(),
			log: (level, line) => {
				this.#log(level, line);
			},
			onLost: (message) => {
				this.#post({kind: 'failed', code: 'ERR_SHOAL_AOF', message});
			},
		});
	}

	#makeReplication(): Replication {
		return new Replication({
			config: this.#config,
			clients: this.#clients,
			databases: this.#databases,
			stats: this.#stats,
			stream: this.#stream,
			clock: systemClock,
			snapshots: this.#persistence.snapshots,
			makeLoader: () => this.#persistence.makeLoader(),
			outlets: {
				log: (level, text) => {
					this.#log(level, text);
				},
				role: (role) => {
					this.#post(role);
				},
				replacementBegins: () => {
					this.#persistence.replacementBegins();
				},
				replacementEnded: () => {
					this.#persistence.replacementEnded();
				},
				dataAdvanced: (isLinkChange) => {
					const cluster = this.#cluster;
					if (cluster !== null && (isLinkChange || cluster.awaitsOffset)) cluster.dataAdvanced();
				},
			},
		});
	}

	#makeDatabase(): Keyspace {
		const database: Keyspace = new Keyspace({
			hooks: {
				onExpired: (key) => {
					this.#stream.removed(this.#databases.indexOf(database), key);
				},
			},
		});
		return database;
	}

	async start(): Promise<void> {
		const {host, port} = this.#start;
		const {settings} = this.#config;
		this.#cluster = settings.clusterEnabled ? await this.#openCluster() : null;
		const services = this.#makeServices();
		const frontend = this.#makeFrontend(services);
		this.#frontend = frontend;
		this.#cron = new Cron({
			services,
			clients: this.#clients,
			frontend,
			memory: this.#memory!,
			persistence: this.#persistence,
			clock: systemClock,
			turnClock: this.#turnClock,
		});
		this.#applyChanges(frontend);
		this.#links = new StreamLinks({
			host,
			port,
			ask: (request) => {
				this.#post(request);
			},
			accept: (link) => frontend.accept(link),
		});
		try {
			const transport = await chooseTransport(this.#start.transport);
			this.#listener = await transport.listen({host, port, backlog: settings.tcpBacklog}, (link) =>
				frontend.accept(link),
			);
		} catch (error) {
			await this.#cluster?.stop();
			throw error;
		}
		this.#post({
			kind: 'listening',
			host,
			port: this.#listener.port,
			nodeId: this.#cluster?.view.myself.id ?? '',
		});
		// Clients hear meanwhile that they must wait; the cluster hears of the node when it has its data.
		await this.#recover(services);
		if (this.#stopping) return;
		this.#replication.start({
			port: this.#listener.port,
			frontend,
			links: this.#links,
			isPrimary: this.#isPrimary(),
		});
		this.#cluster?.start();
		if (this.#cluster !== null)
			this.#slotMigrations?.start({
				services: {...services, cluster: this.#cluster},
				frontend,
				links: this.#links,
			});
		this.#cron.start();
	}

	/** Brings the data back. Rejects when that is impossible: nothing is left open then. */
	async #recover(services: Services): Promise<void> {
		try {
			await this.#persistence.start(services);
		} catch (error) {
			this.#frontend?.closeAll();
			await this.#listener?.close();
			await this.#cluster?.stop();
			throw error;
		}
	}

	receive(message: ToNode): void {
		switch (message.kind) {
			case 'stop':
				this.#terminate();
				return;
			case 'stream-accept':
			case 'stream-connected':
			case 'stream-refused':
				this.#links?.answered(message);
				return;
			default:
				this.#bus.answered(message);
		}
	}

	/** The data are this node's own. */
	#isPrimary(): boolean {
		if (this.#cluster !== null) return isPrimary(this.#cluster.view.myself);
		return this.#config.settings.replicaOf === '';
	}

	async #openCluster(): Promise<ClusterNode> {
		const {host, port, busPort, directory, slotTable, index} = this.#start;
		const {settings} = this.#config;
		const db = this.#databases[0]!;
		return ClusterNode.open({
			host,
			port,
			busPort,
			file: join(directory, settings.clusterConfigFile),
			config: clusterConfigOf(settings),
			data: {
				keyCount: () => db.storedCount,
				slotKeyCount: (slot) => db.slotCount(slot),
				replicationOffset: () => this.#replication.streamOffset,
				isPrimaryLinkUp: () => this.#replication.isPrimaryLinkUp,
				dataAgeMs: (nowMs) => this.#replication.dataAgeMs(nowMs),
			},
			bus: this.#bus,
			clock: systemClock,
			disk: this.#disk,
			random: new SecureRandom(),
			slotTable,
			index,
			sendBufferLimitBytes: () => settings.clusterLinkSendBufferLimitBytes,
			outlets: {
				role: (change) => {
					if (change.kind === 'lead') this.#replication.lead();
					else this.#replication.follow(change.host, change.port, change.node);
					this.#slotMigrations?.roleChanged(change.kind === 'lead');
				},
				writePause: (change) => {
					if (change.kind === 'begin') this.#slotMigrations?.held();
					if (change.kind === 'begin') this.#clients.pause(change.untilMs, 'write', 'failover');
					else this.#clients.unpause('failover');
				},
				event: (event) => {
					this.#onClusterEvent(event);
				},
				published: () => {
					this.#slotMigrations?.published();
				},
				log: (level, text) => {
					this.#log(level, text);
				},
				routesChanged: () => {
					// The step that changed them is not yet done.
					if (this.#clients.blockedCount > 0) setImmediate(() => this.#refuseBlocked());
				},
				state: (state) => {
					this.#post({kind: 'cluster-state', ...state});
				},
			},
		});
	}

	#refuseBlocked(): void {
		const cluster = this.#cluster;
		if (cluster === null) return;
		this.#clients.refuseBlocked((client, {slot, isWrite}) => cluster.refusalOfBlocked(slot, isWrite, client));
	}

	#onClusterEvent(event: ClusterEvent): void {
		const db = this.#databases[0]!;
		// Their keys are another node's now: they go here, in the replicas and in the files.
		if (event.kind === 'slots-lost') this.#slotMigrations?.slotsLost(event.slots);
		if (event.kind === 'reset') db.flush();
	}

	#makeServices(): Services {
		const config = this.#config;
		const {settings} = config;
		const stats = this.#stats;
		const commandStats = new NodeCommandStats(settings);
		const databases = this.#databases;
		const clients = this.#clients;
		const host = createHost();
		const clock = this.#turnClock;
		const targets = new MigrationTargets({clock: systemClock});
		const migration = new NodeMigrations({
			services: () => services,
			clients,
			stream: this.#stream,
			targets,
			beginTurn: () => {
				clock.read();
			},
		});
		const memory = new NodeMemory({settings, clients, stats, databases, host});
		this.#memory = memory;
		const services: Services = {
			config,
			clients,
			stats,
			commandStats,
			slowlog: new NodeSlowlog(config),
			latency: this.#latency,
			memory,
			info: new NodeInfo({
				config,
				clients,
				stats,
				commandStats,
				memory,
				databases,
				host,
				clock,
				persistence: this.#persistence,
				clusterLinks: this.#cluster === null ? null : () => linkFigures(this.#cluster!),
				replication: this.#replication,
				migrationLinkCount: () => targets.openCount,
			}),
			debug: {
				sleep: (ms) => {
					Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
				},
				crash: (message) => {
					// Thrown outside of the command's own stack, so that nothing between can take it for an error reply.
					setImmediate(() => {
						assert(false, message);
					});
					throw new Error(message);
				},
				setActiveExpire: (enabled) => {
					if (this.#cron !== null) this.#cron.activeExpire = enabled;
				},
			},
			lifecycle: {
				shutdown: (options, client) => {
					this.#log('warning', 'User requested shutdown...');
					if (options.now) this.#shutdown(options);
					else this.#shutdownWait.begin(client, () => this.#shutdown(options));
				},
				abortShutdown: () => this.#shutdownWait.abort(),
			},
			clock,
			propagation: this.#stream,
			replication: this.#replication,
			migration,
			persistence: this.#persistence,
			databases,
			table: new CommandTable(allCommands),
			cluster: this.#cluster,
			slotMigrations: this.#slotMigrations,
			log: (level, line) => {
				this.#log(level, line);
			},
		};
		return services;
	}

	#makeFrontend(services: Services): Frontend {
		// Nobody's: the executor's first client before there is one.
		const nobody = new Client(0, NO_CONNECTION, '', '', this.#turnClock.nowMs);
		const executor = new Executor(new ReplyWriter(), new Request(), nobody, services, this.#stream);
		return new Frontend(executor, services, this.#turnClock);
	}

	/** What CONFIG SET must do beyond the settings. */
	#applyChanges(frontend: Frontend): void {
		const config = this.#config;
		config.onChange('tcp-keepalive', () => {
			frontend.applyKeepAlive();
		});
		config.onChange('hz', () => {
			this.#cron?.restart();
		});
		const applyAccess = (): void => {
			applyAccessSettings(this.#databases, config.settings);
		};
		applyAccess();
		for (const name of ACCESS_PARAMETERS) config.onChange(name, applyAccess);
		const cluster = this.#cluster;
		if (cluster === null) return;
		for (const name of CLUSTER_PARAMETERS) {
			config.onChange(name, () => {
				Object.assign(cluster.config, clusterConfigOf(config.settings));
				cluster.reconfigured();
			});
		}
	}

	/** SHUTDOWN. @throws CommandError when something cannot be saved: the node goes on */
	#shutdown({save, force}: ShutdownOptions): void {
		try {
			this.#persistence.prepareEnd(save, force);
		} catch {
			throw CANNOT_END;
		}
		this.#post({kind: 'shutting-down', by: 'SHUTDOWN'});
		// Nothing runs behind it, from whomever.
		this.#frontend?.endAll();
		// The command that asked is still running.
		setImmediate(() => {
			void this.#stop();
		});
	}

	/** The launcher's stop: what SIGTERM is to redis-server, but for one thing: it cannot be refused. */
	#terminate(): void {
		const options = this.#config.settings.shutdownOnSigterm;
		const save = options.includes('nosave') ? 'nosave' : options.includes('save') ? 'save' : 'default';
		try {
			this.#persistence.prepareEnd(save, true);
		} catch (error) {
			this.#log('warning', error instanceof Error ? error.message : String(error));
		}
		void this.#stop();
	}

	async #stop(): Promise<void> {
		if (this.#stopping) return;
		this.#stopping = true;
		this.#cron?.stop();
		this.#replication.stop();
		this.#slotMigrations?.stop();
		const closed = this.#listener?.close();
		this.#frontend?.closeAll();
		await this.#persistence.close();
		await this.#cluster?.stop();
		await closed;
		this.#post({kind: 'stopped'});
		// Nothing is left to wait for; a timer of a library must not keep the thread.
		process.exit(0);
	}

	#log(level: LogLevel, text: string): void {
		if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#config.settings.logLevel)) return;
		this.#post({kind: 'log', level, text});
	}
}

function linkFigures(cluster: ClusterNode): {readonly count: number; readonly bytes: number} {
	let bytes = 0;
	for (const link of cluster.view.links.values()) bytes += cluster.linkBuffer(link.id).allocatedBytes;
	return {count: cluster.view.links.size, bytes};
}

const CANNOT_END = new CommandError('ERR Errors trying to SHUTDOWN. Check logs.');

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];

/** What the config file says, then what the launcher says. */
function directivesOf(start: NodeStart): [name: string, value: string][] {
	const {configFile, config, host, port, directory} = start;
	// There is none before the first CONFIG REWRITE.
	const text = configFile === undefined || !existsSync(configFile) ? '' : readFileSync(configFile, 'latin1');
	return [
		...directivePairs(parseConfigFile(text)),
		...Object.entries(config),
		['bind', host],
		['port', String(port)],
		['dir', directory],
	];
}

function configFileOf({configFile}: NodeStart, disk: FileDisk): ConfigFilePort | null {
	if (configFile === undefined) return null;
	return {
		path: configFile,
		read: () => {
			const bytes = disk.read(configFile);
			return bytes === null ? null : Buffer.from(bytes).toString('latin1');
		},
		// It may hold a password.
		write: (text) => {
			disk.replaceSync(configFile, Buffer.from(text, 'latin1'), {mode: 0o600});
		},
	};
}
