/**
 * One task on its source: carries out what the pure machine (src/cluster/slot-export.ts) asks for.
 */
import {type ExportAction, type ExportEvent, ExportMachine} from '../cluster/slot-export.ts';
import {isEnded, type MigrationTask, slotsIn} from '../cluster/slot-migration.ts';
import type {Client} from '../commands/client.ts';
import {CommandError} from '../commands/errors.ts';
import type {Services} from '../commands/services.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {latin1} from '../lib/bytes.ts';
import {formatSlotRanges} from '../slots/slot-ranges.ts';
import type {NodeClients} from './clients.ts';
import type {CommandStream} from './command-stream.ts';
import type {Frontend} from './frontend.ts';
import type {Clock} from './ports.ts';
import {ACCEPTED, SlotExporter} from './slot-exporter.ts';
import type {SlotLink} from './slot-link.ts';

export interface SlotExportOptions {
	readonly task: MigrationTask;
	readonly db: Keyspace;
	readonly stream: CommandStream;
	readonly clients: NodeClients;
	readonly clock: Clock;
	readonly services: Services;
	readonly frontend: Frontend;
	/** Whether another task needs writes to be held up. */
	readonly isPauseShared: () => boolean;
	readonly onEnd: () => void;
}

export class SlotExport {
	readonly machine: ExportMachine;
	/** The destination, once it asked. */
	client: Client | null = null;
	/** To ask the destination to ask. */
	link: SlotLink | null = null;
	readonly #options: SlotExportOptions;
	#exporter: SlotExporter | null = null;

	constructor(options: SlotExportOptions) {
		this.#options = options;
		const {settings} = options.services.config;
		this.machine = new ExportMachine(options.task, () => ({
			handoffMaxLagBytes: settings.clusterSlotMigrationHandoffMaxLagBytes,
			writePauseTimeoutMs: settings.clusterSlotMigrationWritePauseTimeoutMs,
			silenceMs: settings.replicationTimeoutSeconds * 1000,
		}));
	}

	/** The destination asked for the keys. */
	begin(client: Client): void {
		this.client = client;
		this.step({kind: 'asked'});
	}

	/** The node ends. */
	stop(): void {
		this.#exporter?.stop();
	}

	step(event: ExportEvent): void {
		const {machine} = this;
		const {task} = machine;
		const {state} = task;
		const actions = machine.step(event, this.#nowMs());
		if (task.state !== state) this.#logState();
		this.#carryOut(actions);
	}

	/** The node cannot go on with it, whatever state it is in. */
	abandon(reason: string): void {
		const actions = this.machine.abandon(reason, this.#nowMs());
		if (actions.length > 0) this.#logState();
		this.#carryOut(actions);
	}

	/** The destination says something. True: it says that the slots are its own. @throws CommandError when it makes no sense */
	hear(word: string, argument: Uint8Array | undefined): boolean {
		switch (word) {
			case 'ACK': {
				const applied = argument === undefined ? 0 : Number(latin1(argument));
				this.step({kind: 'lag', bytes: (this.#exporter?.sentBytes ?? 0) - applied});
				return false;
			}
			case 'GRANT':
				this.step({kind: 'granted'});
				return false;
			case 'TAKEN':
				return true;
			default:
				throw new CommandError('ERR Unknown CLUSTER SYNCSLOTS word');
		}
	}

	#carryOut(actions: readonly ExportAction[]): void {
		for (const action of actions) this.#do(action);
		if (actions.length === 0 || !isEnded(this.machine.task)) return;
		this.#exporter?.stop();
		this.link?.drop();
		this.#options.onEnd();
	}

	#do(action: ExportAction): void {
		const {clients, clock, isPauseShared, services, stream} = this.#options;
		const exporter = this.#exporter;
		const {clusterSlotMigrationWritePauseTimeoutMs: pauseTimeoutMs} = services.config.settings;
		switch (action) {
			case 'walk':
				this.#beginWalk();
				return;
			case 'say-snapshot-end':
				exporter!.say('SNAPSHOT-EOF');
				return;
			case 'ask-handoff':
				exporter!.say('HANDOFF', pauseTimeoutMs);
				exporter!.flush();
				return;
			case 'pause':
				// The machine ends it. Longer than this it never lasts.
				clients.pause(clock.wallMs() + 2 * pauseTimeoutMs, 'write', 'slot-migration');
				return;
			case 'say-stream-end':
				exporter!.say('STREAM-EOF');
				exporter!.flush();
				stream.flush();
				return;
			case 'unpause':
				if (!isPauseShared()) clients.unpause('slot-migration');
				return;
			case 'tell-failed':
				exporter?.say('FAIL', this.machine.task.lastError || 'Canceled on the source');
				exporter?.flush();
				return;
			case 'close': {
				exporter?.stop();
				const {client} = this;
				this.client = null;
				// Behind the last words.
				if (client !== null) setImmediate(() => client.connection.closeAfterReplies());
				return;
			}
			default:
				action satisfies never;
		}
	}

	#beginWalk(): void {
		const {clock, db, frontend, services, stream} = this.#options;
		const client = this.client!;
		const exporter = new SlotExporter({
			client,
			db,
			stream,
			settings: services.config.settings,
			slots: [...slotsIn(this.machine.task.ranges)],
			monotonicMs: () => clock.monotonicMs(),
			onWalked: () => {
				this.step({kind: 'walked'});
			},
			onCut: () => {
				this.step({kind: 'failed', reason: 'The keys were flushed'});
			},
		});
		this.#exporter = exporter;
		// The answers to what came before are out first.
		setImmediate(() => {
			if (this.client !== client) return;
			frontend.output.flush();
			client.connection.feed(ACCEPTED, 0, ACCEPTED.length);
			exporter.begin();
		});
	}

	#logState(): void {
		const {id, lastError, ranges, state} = this.machine.task;
		const isFailed = state === 'failed';
		this.#options.services.log(
			isFailed ? 'warning' : 'notice',
			`Export of slots ${formatSlotRanges(ranges)} (task ${id}): ${state}${isFailed ? `: ${lastError}` : ''}`,
		);
	}

	#nowMs(): number {
		return this.#options.clock.steadyWallMs();
	}
}
