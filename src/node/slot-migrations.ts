/**
 * The atomic slot migrations of a node, those that it imports and those that it exports: who has their turn, which of them the
 * cluster's events end, and what is remembered of the past ones. The tasks themselves are in slot-import.ts and slot-export.ts.
 *
 *     destination                                             source
 *     CLUSTER MIGRATION IMPORT  --SYNC-->  walk, commands     CLUSTER MIGRATESLOTS  --PULL--> (destination) --SYNC-->
 *                               <--RECORDS, commands--
 *                               --ACK-->   little is left
 *                               <--HANDOFF--  --GRANT-->      writes are held up
 *                               <--the rest, STREAM-EOF--
 *     takes the slots, tells the cluster  ----bus---->        writes go on, with MOVED; the keys are deleted
 */
import {randomBytes} from 'node:crypto';
import {findImportSource, isEnded, type MigrationTask, newTask, ownsAll} from '../cluster/slot-migration.ts';
import type {Client} from '../commands/client.ts';
import type {ClusterService} from '../commands/cluster-service.ts';
import {CommandError} from '../commands/errors.ts';
import type {ExportRequest, SlotMigrationService} from '../commands/slot-migration-service.ts';
import type {Services} from '../commands/services.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {latin1} from '../lib/bytes.ts';
import {formatSlotRanges, parseSlotRange, type SlotRange} from '../slots/slot-ranges.ts';
import type {NodeClients} from './clients.ts';
import type {CommandStream} from './command-stream.ts';
import type {Frontend} from './frontend.ts';
import type {Clock} from './ports.ts';
import {SlotExport} from './slot-export.ts';
import {SlotImport} from './slot-import.ts';
import {SlotLink} from './slot-link.ts';
import {showSlots, SlotTrimmer} from './slot-trimmer.ts';
import type {StreamLinks} from './stream-links.ts';

export interface SlotMigrationsOptions {
	readonly db: Keyspace;
	readonly stream: CommandStream;
	readonly clients: NodeClients;
	readonly clock: Clock;
}

/** What there is once the node is made. */
export interface MigrationDoor {
	readonly services: Services & {readonly cluster: ClusterService};
	readonly frontend: Frontend;
	readonly links: StreamLinks;
}

const TICK_MS = 100;

const UNKNOWN_WORD = new CommandError('ERR Unknown CLUSTER SYNCSLOTS word');

export class SlotMigrations implements SlotMigrationService {
	readonly trimmer: SlotTrimmer;
	readonly #options: SlotMigrationsOptions;
	readonly #imports = new Set<SlotImport>();
	readonly #exports = new Set<SlotExport>();
	/** Newest first. */
	#tasks: MigrationTask[] = [];
	#door: MigrationDoor | null = null;
	#stopTicking: (() => void) | null = null;
	#isLooking = false;

	constructor(options: SlotMigrationsOptions) {
		this.#options = options;
		const {clock, clients, db, stream} = options;
		this.trimmer = new SlotTrimmer({db, stream, monotonicMs: () => clock.monotonicMs()});
		clients.onRemoved((client) => {
			for (const each of this.#exports) if (each.client === client) each.step({kind: 'link-lost'});
		});
	}

	/** Once, when the node has its data and its links. */
	start(door: MigrationDoor): void {
		this.#door = door;
		this.#stopTicking = this.#options.clock.every(TICK_MS, () => {
			this.#tick();
		});
		this.settleHidden();
	}

	stop(): void {
		this.#stopTicking?.();
		for (const each of this.#exports) each.stop();
	}

	// SlotMigrationService

	get tasks(): readonly MigrationTask[] {
		return this.#tasks;
	}

	get trimmedSlotCount(): number {
		return this.trimmer.slotCount;
	}

	get trimmedKeyCount(): number {
		return this.trimmer.keyCount;
	}

	beginImport(ranges: readonly SlotRange[]): string {
		const {view} = this.#opened.services.cluster;
		const source = findImportSource(view, ranges, this.#running());
		if (typeof source === 'string') throw new CommandError(source);
		return this.#addImport(newId(), ranges, source.id, 'import').id;
	}

	beginExports(requests: readonly ExportRequest[]): void {
		for (const {ranges, destination} of requests) {
			const task = this.#addTask(newId(), ranges, this.#myId, destination, 'migrate', 'migrateslots');
			const each = this.#addExport(task);
			const address = this.#addressOf(destination);
			if (address === null) {
				each.step({kind: 'failed', reason: 'The target is not known any more'});
				continue;
			}
			each.link = new SlotLink({
				...this.#linkParts(),
				...address,
				request: ['PULL', task.id, this.#myId, formatSlotRanges(ranges, ',')],
				events: {
					connected: () => undefined,
					accepted: () => {
						// From here on the destination speaks on a link of its own.
						each.link?.drop();
						each.link = null;
					},
					ended: (reason) => {
						each.link = null;
						each.step({kind: 'failed', reason});
					},
				},
			});
		}
	}

	cancel(which: (task: MigrationTask) => boolean): number {
		let count = 0;
		for (const importer of this.#imports) {
			if (isEnded(importer.task) || !which(importer.task)) continue;
			importer.step({kind: 'cancelled'});
			count++;
		}
		for (const each of this.#exports) {
			if (!which(each.machine.task)) continue;
			each.step({kind: 'cancelled'});
			if (each.machine.task.state === 'canceled') count++;
		}
		return count;
	}

	hear(client: Client, words: readonly Uint8Array[]): boolean {
		const word = latin1(words[0]!).toUpperCase();
		for (const importer of this.#imports) {
			if (!importer.isOf(client)) continue;
			importer.hear(word, words[1]);
			return false;
		}
		if (word === 'PULL') {
			this.#pull(words);
			return true;
		}
		if (word === 'SYNC') {
			this.#sync(client, words);
			return false;
		}
		for (const each of this.#exports) {
			if (each.client !== client) continue;
			if (each.hear(word, words[1])) this.#lookAtOwners();
			return false;
		}
		// The last words of a task that has ended here.
		if (word === 'ACK' || word === 'GRANT' || word === 'TAKEN') return false;
		throw UNKNOWN_WORD;
	}

	flushed(): void {
		for (const importer of this.#imports) importer.fail('The keys were flushed', true);
		for (const each of this.#exports) each.abandon('The keys were flushed');
	}

	// What happens to the node

	/** Slots may have another owner. */
	published(): void {
		if (this.#door === null) return;
		const {view} = this.#door.services.cluster;
		this.trimmer.finishWhere((slot) => view.table[view.owners[slot]!] === view.myself);
		this.#lookAtOwners();
	}

	slotsLost(slots: readonly number[]): void {
		this.trimmer.trim(slots);
	}

	/** The node leads or follows now. */
	roleChanged(leads: boolean): void {
		if (leads) {
			this.settleHidden();
			return;
		}
		this.trimmer.stop();
		for (const importer of this.#imports) importer.fail('This node is a replica now', true);
		for (const each of this.#exports) each.abandon('This node is a replica now');
	}

	/** Nothing may be put into the stream: a manual failover has begun. */
	held(): void {
		for (const importer of this.#imports)
			if (importer.machine.isUnderWay) importer.fail('A failover of this node has begun');
	}

	/**
	 * Slots that are hidden though no task of this life hid them: a primary has died, or this node was ended. What is this
	 * node's is shown; the rest is what a task left behind.
	 */
	settleHidden(): void {
		const {db, stream} = this.#options;
		if (this.#door === null || db.hiddenSlots.size === 0) return;
		const {view} = this.#door.services.cluster;
		if (view.myself.primary !== null) return;
		const slots = [...db.hiddenSlots].toSorted((a, b) => a - b);
		const isMine = (slot: number): boolean => view.table[view.owners[slot]!] === view.myself;
		const mine = slots.filter(isMine);
		if (mine.length > 0) showSlots({db, stream}, mine);
		this.trimmer.trim(slots.filter((slot) => !isMine(slot)));
	}

	// Imports

	#pull(words: readonly Uint8Array[]): void {
		const [, id, from, text] = words.map((word) => latin1(word));
		const ranges = parseRanges(text);
		if (id === undefined || from === undefined || ranges === null) throw UNKNOWN_WORD;
		const {view} = this.#opened.services.cluster;
		const source = findImportSource(view, ranges, this.#running());
		if (typeof source === 'string') throw new CommandError(source);
		if (source.id !== from) throw new CommandError('ERR Slots are not served by the node that gives them');
		this.#addImport(id, ranges, from, 'migrateslots');
	}

	#addImport(
		id: string,
		ranges: readonly SlotRange[],
		source: string,
		door: MigrationTask['door'],
	): MigrationTask {
		const {db, stream} = this.#options;
		const {services} = this.#opened;
		const task = this.#addTask(id, ranges, source, this.#myId, 'import', door);
		const importer: SlotImport = new SlotImport({
			task,
			db,
			stream,
			trimmer: this.trimmer,
			services,
			address: () => this.#addressOf(source),
			link: this.#linkParts(),
			isLeading: () => services.cluster.view.myself.primary === null,
			nowMs: () => this.#nowMs(),
			onStep: () => {
				if (isEnded(task)) this.#imports.delete(importer);
				this.#lookSoon();
			},
		});
		this.#imports.add(importer);
		this.#lookSoon();
		return task;
	}

	/** One import at a time; the others wait in order. */
	#beginNextImport(): void {
		if (this.#options.clients.isPausedFor('failover')) return;
		for (const {machine} of this.#imports) if (machine.isUnderWay) return;
		for (const importer of this.#imports) {
			if (!importer.machine.isDue(this.#nowMs())) continue;
			const {task} = importer;
			if (!ownsAll(this.#opened.services.cluster.view, task.source, task.ranges)) {
				importer.fail('The slots are not owned by the source any more', true);
				continue;
			}
			importer.step({kind: 'begin'});
			return;
		}
	}

	// Exports

	/** A destination asks for the keys. @throws CommandError */
	#sync(client: Client, words: readonly Uint8Array[]): void {
		const {view} = this.#opened.services.cluster;
		const [, id, destination, text] = words.map((word) => latin1(word));
		const ranges = parseRanges(text);
		if (id === undefined || destination === undefined || ranges === null) throw UNKNOWN_WORD;
		if (view.myself.primary !== null || !ownsAll(view, this.#myId, ranges))
			throw new CommandError('ERR Slots are not served by this node.');
		if (this.#options.clients.isPausedFor('failover'))
			throw new CommandError('ERR A failover of this node is under way');
		let each = [...this.#exports].find(({machine: {task}}) => task.id === id);
		if (each !== undefined && each.client !== null)
			throw new CommandError('ERR Slots are on their way already');
		if (each === undefined) {
			// A task that this node's operator began has one attempt. Of the others the last is remembered.
			if (this.#tasks.some((task) => task.id === id && task.door === 'migrateslots'))
				throw new CommandError('ERR The migration has ended on the source');
			this.#tasks = this.#tasks.filter((task) => task.id !== id);
		}
		each ??= this.#addExport(this.#addTask(id, ranges, this.#myId, destination, 'migrate', 'import'));
		each.begin(client);
	}

	#addExport(task: MigrationTask): SlotExport {
		const {clients, clock, db, stream} = this.#options;
		const {frontend, services} = this.#opened;
		const each: SlotExport = new SlotExport({
			task,
			db,
			stream,
			clients,
			clock,
			services,
			frontend,
			isPauseShared: () => [...this.#exports].some((other) => other !== each && other.machine.isPaused),
			onEnd: () => {
				this.#exports.delete(each);
				this.#forgetOldTasks();
			},
		});
		this.#exports.add(each);
		return each;
	}

	/** Whether the cluster has decided about the slots of an export. */
	#lookAtOwners(): void {
		const {view} = this.#opened.services.cluster;
		for (const each of this.#exports) {
			const {task} = each.machine;
			if (ownsAll(view, task.destination, task.ranges)) each.step({kind: 'slots-gone'});
			else if (!ownsAll(view, this.#myId, task.ranges)) each.abandon('The slots went to another node');
		}
	}

	// Time

	#tick(): void {
		for (const each of this.#exports) each.step({kind: 'tick'});
		const silenceMs = this.#opened.services.config.settings.replicationTimeoutSeconds * 1000;
		for (const importer of this.#imports) {
			const {machine, task} = importer;
			const heardAtMs = Math.max(task.updatedAtMs, task.heardAtMs);
			if (machine.isUnderWay && this.#nowMs() - heardAtMs > silenceMs) importer.fail('The source is silent');
		}
		this.#lookAtOwners();
		this.#beginNextImport();
	}

	/** After the step that is under way. */
	#lookSoon(): void {
		if (this.#isLooking) return;
		this.#isLooking = true;
		setImmediate(() => {
			this.#isLooking = false;
			this.#forgetOldTasks();
			this.#beginNextImport();
		});
	}

	// What is remembered

	#addTask(
		id: string,
		ranges: readonly SlotRange[],
		source: string,
		destination: string,
		operation: MigrationTask['operation'],
		door: MigrationTask['door'],
	): MigrationTask {
		const task = newTask({id, ranges, source, destination, operation, door}, this.#nowMs());
		this.#tasks.unshift(task);
		this.#forgetOldTasks();
		return task;
	}

	#forgetOldTasks(): void {
		let kept = this.#opened.services.config.settings.clusterSlotMigrationMaxArchivedTasks;
		this.#tasks = this.#tasks.filter((task) => !isEnded(task) || kept-- > 0);
	}

	#running(): readonly MigrationTask[] {
		return this.#tasks.filter((task) => !isEnded(task));
	}

	#linkParts(): Pick<
		ConstructorParameters<typeof SlotLink>[0],
		'links' | 'settings' | 'clients' | 'frontend' | 'nowMs'
	> {
		const {frontend, links, services} = this.#opened;
		const {clients} = this.#options;
		return {links, settings: services.config.settings, clients, frontend, nowMs: () => this.#nowMs()};
	}

	#addressOf(id: string): {readonly host: string; readonly port: number} | null {
		for (const node of this.#opened.services.cluster.view.nodes.values())
			if (node.id === id && node.host !== '') return {host: node.host, port: node.port};
		return null;
	}

	get #myId(): string {
		return this.#opened.services.cluster.view.myself.id;
	}

	get #opened(): MigrationDoor {
		if (this.#door === null) throw new CommandError('LOADING Redis is loading the dataset in memory');
		return this.#door;
	}

	#nowMs(): number {
		return this.#options.clock.steadyWallMs();
	}
}

const newId = (): string => randomBytes(20).toString('hex');

/** Null when it is none. */
function parseRanges(text: string | undefined): SlotRange[] | null {
	if (text === undefined) return null;
	const ranges: SlotRange[] = [];
	for (const part of text.split(',')) {
		const range = parseSlotRange(part);
		if (range === null) return null;
		ranges.push(range);
	}
	return ranges;
}
