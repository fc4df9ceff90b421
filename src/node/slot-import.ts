/**
 * One task on its destination: carries out what the pure machine (src/cluster/slot-import.ts) asks for. What comes is put into
 * the database as it comes, in slots that are hidden until they are this node's, and goes into this node's own stream: its
 * replicas and its append-only file have it when the slots change hands.
 */
import {type ImportAction, type ImportEvent, ImportMachine} from '../cluster/slot-import.ts';
import {type MigrationTask, slotsIn} from '../cluster/slot-migration.ts';
import type {Client} from '../commands/client.ts';
import {CommandError} from '../commands/errors.ts';
import {dumpValue} from '../commands/serialized-value.ts';
import type {Services} from '../commands/services.ts';
import {type Keyspace, STRING} from '../data/keyspace.ts';
import {AssertionError} from '../lib/assert.ts';
import {formatSlotRanges} from '../slots/slot-ranges.ts';
import type {CommandStream} from './command-stream.ts';
import {RdbLoader} from './load-rdb.ts';
import {SlotLink, type SlotLinkEvents, type SlotLinkOptions} from './slot-link.ts';
import {hideSlots, showSlots, type SlotTrimmer} from './slot-trimmer.ts';

export interface SlotImportOptions {
	readonly task: MigrationTask;
	readonly db: Keyspace;
	readonly stream: CommandStream;
	readonly trimmer: SlotTrimmer;
	readonly services: Services;
	/** Null when the source is not known any more. */
	readonly address: () => {readonly host: string; readonly port: number} | null;
	readonly link: Omit<SlotLinkOptions, 'host' | 'port' | 'request' | 'events'>;
	/** Whether this node writes the stream: a replica's keys are its primary's. */
	readonly isLeading: () => boolean;
	readonly nowMs: () => number;
	/** Something changed, perhaps its end. */
	readonly onStep: () => void;
}

export class SlotImport {
	readonly machine: ImportMachine;
	readonly #options: SlotImportOptions;
	readonly #slots: readonly number[];
	#link: SlotLink | null = null;
	#loader: RdbLoader | null = null;

	constructor(options: SlotImportOptions) {
		this.#options = options;
		this.machine = new ImportMachine(options.task);
		this.#slots = [...slotsIn(options.task.ranges)];
	}

	get task(): MigrationTask {
		return this.machine.task;
	}

	/** Whether this is the client that runs the source's commands. */
	isOf(client: Client): boolean {
		return this.#link !== null && this.#link.client === client;
	}

	step(event: ImportEvent): void {
		const {task} = this.machine;
		const {state} = task;
		const actions = this.machine.step(event, this.#options.nowMs());
		if (task.state !== state) {
			this.#options.services.log(
				event.kind === 'failed' ? 'warning' : 'notice',
				`Import of slots ${formatSlotRanges(task.ranges)} (task ${task.id}): ${task.state}${event.kind === 'failed' ? `: ${event.reason}` : ''}`,
			);
		}
		for (const action of actions) this.#do(action);
		if (task.state !== state) this.#options.onStep();
	}

	fail(reason: string, isFinal = false): void {
		this.step({kind: 'failed', reason, isFinal});
	}

	/** The source says something. @throws CommandError when it makes no sense */
	hear(word: string, argument: Uint8Array | undefined): void {
		switch (word) {
			case 'RECORDS':
				this.#load(argument);
				return;
			case 'SNAPSHOT-EOF':
				if (this.#loader?.isComplete === true) this.step({kind: 'snapshot-end'});
				else this.fail('The snapshot of the source is not complete');
				return;
			case 'HANDOFF':
				this.step({kind: 'handoff-asked', pauseTimeoutMs: Number(new TextDecoder().decode(argument))});
				return;
			case 'STREAM-EOF':
				this.step({kind: 'stream-end'});
				return;
			case 'FAIL':
				this.fail(new TextDecoder().decode(argument));
				return;
			default:
				throw new CommandError('ERR Unknown CLUSTER SYNCSLOTS word');
		}
	}

	#do(action: ImportAction): void {
		const {isLeading, services, task, trimmer} = this.#options;
		switch (action) {
			case 'dial':
				this.#dial();
				return;
			case 'ask':
			case 'acknowledge':
				return;
			case 'grant':
				this.#link!.say('GRANT');
				return;
			case 'take': {
				const outcome = services.cluster!.submit({
					kind: 'take-slots',
					ranges: task.ranges,
					from: task.source,
				});
				if (outcome.ok) this.step({kind: 'taken'});
				else this.fail(outcome.error.replace(/^ERR /, ''));
				return;
			}
			case 'show':
				showSlots(this.#options, this.#slots);
				return;
			case 'tell-taken':
				// The source ends the link.
				this.#link!.say('TAKEN');
				return;
			case 'close':
				this.#link?.drop();
				this.#link = null;
				this.#loader = null;
				return;
			case 'drop':
				if (isLeading()) trimmer.trim(this.#slots);
				return;
			default:
				action satisfies never;
		}
	}

	#dial(): void {
		const {address, db, link, services, task, trimmer} = this.#options;
		const source = address();
		if (source === null) {
			this.fail('The source is not known any more', true);
			return;
		}
		// What an earlier attempt left, or these slots' last time here.
		trimmer.trim(this.#slots);
		trimmer.finish(this.#slots);
		hideSlots(this.#options, this.#slots);
		this.#loader = new RdbLoader({
			databases: [db],
			checksum: false,
			expiredBefore: null,
			duplicates: 'replace',
			onLoaded: (_db, ref) => {
				this.#propagate(ref);
			},
		});
		const events: SlotLinkEvents = {
			connected: () => {
				this.step({kind: 'connected'});
			},
			accepted: () => {
				const opened = this.#link!;
				opened.stream(() => {
					task.heardAtMs = this.#options.nowMs();
					opened.say('ACK', opened.appliedBytes);
				});
				this.step({kind: 'accepted'});
			},
			ended: (reason) => {
				this.#link = null;
				this.fail(reason);
			},
		};
		const request = ['SYNC', task.id, services.cluster!.view.myself.id, formatSlotRanges(task.ranges, ',')];
		this.#link = new SlotLink({...link, ...source, request, events});
	}

	#load(bytes: Uint8Array | undefined): void {
		if (bytes === undefined || this.#loader === null) return;
		const {db, services} = this.#options;
		if (services.config.settings.maxMemoryBytes > 0 && services.memory.isOverLimit()) {
			this.fail('Ran out of memory (OOM) during slot import', true);
			return;
		}
		try {
			this.#loader.push(bytes);
		} catch (error) {
			if (error instanceof AssertionError) throw error;
			this.fail(
				`What the source sent cannot be read: ${error instanceof Error ? error.message : String(error)}`,
			);
		}
		db.expiredKeys = 'ignore';
	}

	/** As a command that makes the key anew. */
	#propagate(ref: number): void {
		const {db, services, stream} = this.#options;
		if (!stream.isOn) return;
		const key = db.keyBytes(ref);
		const at = db.expireAt(ref);
		if (db.type(ref) === STRING) {
			if (at < 0) stream.add(0, 'SET', key, db.value(ref));
			else stream.add(0, 'SET', key, db.value(ref), 'PXAT', at);
			return;
		}
		dumpValue({db, services}, ref, (payload) => {
			stream.add(0, 'RESTORE', key, Math.max(0, at), payload, 'REPLACE', 'ABSTTL');
		});
	}
}
