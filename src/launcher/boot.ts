/**
 * From a data directory to a cluster that is ready. All nodes start at once; the manager's thread starts beside them and makes
 * them one cluster over RESP, as it would with servers that are not ours.
 *
 *     threads -> all listening -> created, unless they know each other already
 *             -> all see cluster ok, and every replica hears its primary
 *
 * The nodes of a data directory are one cluster: those that were started in addition come back with the others. What fails
 * on the way ends the boot; the exception is a node with files of an earlier run that it cannot go on with: it stays down,
 * and the others make do without it.
 */
import type {DataDir} from './data-dir.ts';
import {LaunchError} from './errors.ts';
import type {Fleet} from './fleet.ts';
import {findFreePorts} from './free-ports.ts';
import {QuietConsole, type JobRunner} from './manager-thread.ts';
import type {NodeHandle} from './node-handle.ts';
import {count, nodeCountOf, type ClusterSettings} from './settings.ts';
import {isOfItsFiles, startError} from './start-error.ts';
import {StartGate} from './start-gate.ts';
import type {TribJob} from '../trib/messages.ts';

/** From the creation to a cluster that all see ok, with its replicas; some hundred milliseconds as a rule. */
const AGREEMENT_DEADLINE_MS = 60_000;

export interface BootOptions {
	readonly settings: ClusterSettings;
	/** Whether the nodes are brought together and waited for; else they only listen. */
	readonly formsCluster: boolean;
	readonly dataDir: DataDir;
	readonly fleet: Fleet;
	readonly runner: JobRunner;
	/** A job is going to be run soon. */
	prepareManager(): void;
}

export class Boot {
	readonly #options: BootOptions;
	readonly #gate = new StartGate();

	constructor(options: BootOptions) {
		this.#options = options;
	}

	/** A node said something that may be what is waited for. */
	look(): void {
		this.#gate.look();
	}

	/** A node ended, or could not start. False when the boot fails of it, or has failed. */
	survives(node: NodeHandle): boolean {
		const canDoWithout = !this.#options.fleet.isFresh(node) && isOfItsFiles(node);
		if (canDoWithout) this.#gate.look();
		else this.#gate.fail(problemOf(node));
		return !this.#gate.hasFailed;
	}

	/** @throws LaunchError; then there are threads and files to remove */
	async run(signal: AbortSignal | undefined): Promise<void> {
		const {fleet, formsCluster} = this.#options;
		const interrupt = (): void => this.#gate.fail(new LaunchError('the start was interrupted'));
		signal?.addEventListener('abort', interrupt);
		if (signal?.aborted === true) interrupt();
		fleet.boot(await this.#choosePorts());
		const areFresh = this.#wished.every((node) => fleet.isFresh(node));
		// Beside the nodes, since a thread takes as long to start as they do.
		if (formsCluster && areFresh) this.#options.prepareManager();
		await this.#gate.until(() => fleet.nodes.every((node) => node.phase === 'running' || node.isOver));
		if (this.#running.length === 0)
			throw new LaunchError(fleet.nodes.map((node) => problemOf(node).message).join('\n'));
		if (formsCluster) await this.#bringTogether(areFresh);
		signal?.removeEventListener('abort', interrupt);
	}

	/** Those of the settings first, then those that an earlier run left behind. */
	async #choosePorts(): Promise<number[]> {
		const {settings, dataDir} = this.#options;
		const {basePort, bind} = settings;
		const nodeCount = nodeCountOf(settings);
		const earlier = dataDir.nodePorts();
		// Without a base port, the nodes of an earlier run keep their ports, if they are as many.
		if (basePort === 0 && earlier.length >= nodeCount) return earlier;
		const wished =
			basePort === 0
				? await findFreePorts(bind, nodeCount)
				: Array.from({length: nodeCount}, (_, index) => basePort + index);
		return [...wished, ...earlier.filter((port) => !wished.includes(port))];
	}

	/** The nodes that the settings ask for. */
	get #wished(): readonly NodeHandle[] {
		return this.#options.fleet.nodes.slice(0, nodeCountOf(this.#options.settings));
	}

	get #running(): readonly NodeHandle[] {
		return this.#options.fleet.nodes.filter((node) => node.phase === 'running');
	}

	/** From nodes that listen to a cluster that is ready. */
	async #bringTogether(areFresh: boolean): Promise<void> {
		const isNew = areFresh || (await this.#knowNobody());
		if (isNew) await this.#createCluster();
		await this.#gate.until(() => this.#isReady(isNew), {
			ms: AGREEMENT_DEADLINE_MS,
			// Who is missing was told of already, and whoever looks after the cluster needs it running.
			tooLate: () => (this.#isWhole ? this.#whatIsMissing(isNew) : null),
		});
	}

	/**
	 * Nodes of an earlier run may be a cluster already: they say so before anything else.
	 * @throws LaunchError when they are one, but not the one that was asked for: waiting for it would be in vain
	 */
	async #knowNobody(): Promise<boolean> {
		await this.#gate.until(() => this.#running.every((node) => node.opinion !== null));
		const {settings, fleet} = this.#options;
		const known = (node: NodeHandle): number => node.opinion?.knownNodeCount ?? 1;
		const largest = Math.max(...this.#running.map(known));
		if (largest <= 1) {
			return this.#wished.every((node) => node.phase === 'running' && node.opinion?.assignedCount === 0);
		}
		// One that was there before is an empty node that nobody has brought in yet, and may stay so.
		const strangers = this.#running.filter((node) => known(node) === 1 && fleet.isFresh(node));
		if (strangers.length > 0 || largest > fleet.nodes.length) {
			throw new LaunchError(
				`data directory ${settings.dataDir} holds a cluster of ${count(largest, 'node')}, and ${count(fleet.nodes.length, 'node')} were asked for; ` +
					`ask for as many, name another --data-dir, or start with --no-create and bring them together with shoal trib`,
			);
		}
		return false;
	}

	async #createCluster(): Promise<void> {
		const {shards, replicas} = this.#options.settings;
		const lines = new QuietConsole();
		const job: TribJob = {
			command: 'create',
			options: {
				nodes: this.#wished.map(({start: {host, port}}) => ({host, port})),
				replicas,
				primaries: shards,
				yes: true,
				withoutCheck: true,
				joinTimeoutMs: AGREEMENT_DEADLINE_MS,
			},
		};
		const {exitCode} = await this.#gate.during(this.#options.runner.run(job, lines));
		if (exitCode !== 0) throw new LaunchError(`the cluster could not be created:\n${lines.text.trimEnd()}`);
	}

	/** Every node runs. */
	get #isWhole(): boolean {
		return this.#options.fleet.nodes.every((node) => node.phase === 'running');
	}

	get #replicas(): readonly NodeHandle[] {
		return this.#running.filter((node) => node.role?.role === 'replica');
	}

	/**
	 * A new cluster must have its replicas, and everybody must know them: clients ask any node who there is. In a cluster of an
	 * earlier run replicas say that they are before they say it is ok.
	 */
	#isReady(isNew: boolean): boolean {
		if (this.#laggards(isNew).length > 0) return false;
		if (!isNew) return true;
		const {shards, replicas} = this.#options.settings;
		const wanted = shards * replicas;
		return (
			this.#replicas.length >= wanted &&
			this.#wished.every((node) => (node.opinion?.replicaCount ?? 0) >= wanted)
		);
	}

	/** Who is waited for. Where nodes could not start, replicas may hear nobody for long. */
	#laggards(isNew: boolean): readonly NodeHandle[] {
		const members = isNew ? this.#wished : this.#running.filter((node) => !node.isAlone);
		const isWhole = this.#isWhole;
		return members.filter(
			(node) => node.phase === 'running' && (!node.seesClusterOk || (isWhole && node.isCutOff)),
		);
	}

	#whatIsMissing(isNew: boolean): string {
		const after = `after ${AGREEMENT_DEADLINE_MS / 1000} s`;
		const laggards = this.#laggards(isNew);
		if (laggards.length === 0)
			return `${after} the cluster has only ${count(this.#replicas.length, 'replica')}`;
		const list = (nodes: readonly NodeHandle[]): string =>
			`${count(nodes.length, 'node')} (${nodes.map((node) => node.start.port).join(', ')})`;
		const doubting = laggards.filter((node) => !node.seesClusterOk);
		return doubting.length > 0
			? `${after} the cluster is not ok for ${list(doubting)}`
			: `${after} the link to the primary is not up for ${list(laggards)}`;
	}
}

const problemOf = (node: NodeHandle): LaunchError =>
	node.failure === null
		? new LaunchError(`node ${node.start.port} ended during the start: ${node.cause}`)
		: startError(node, node.failure, 'choose other ports with --base-port');
