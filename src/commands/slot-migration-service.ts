/** Atomic slot migration as commands see it. Implemented by src/node/slot-migrations.ts. */
import type {MigrationTask} from '../cluster/slot-migration.ts';
import type {SlotRange} from '../slots/slot-ranges.ts';
import type {Client} from './client.ts';

/** One of the moves that a CLUSTER MIGRATESLOTS asks for. */
export interface ExportRequest {
	/** As `joinRanges` gives them. */
	readonly ranges: readonly SlotRange[];
	/** A node's id. */
	readonly destination: string;
}

export interface SlotMigrationService {
	/** Those that have not ended, and the last ones that have; newest first. */
	readonly tasks: readonly MigrationTask[];
	/** Slots that are another node's and have keys here that wait to be deleted, and how many those are. */
	readonly trimmedSlotCount: number;
	readonly trimmedKeyCount: number;
	/**
	 * CLUSTER MIGRATION IMPORT: this node is to get these slots from their owner.
	 * @returns the task's id
	 * @throws CommandError
	 */
	beginImport(ranges: readonly SlotRange[]): string;
	/** CLUSTER MIGRATESLOTS. The requests were judged already. */
	beginExports(requests: readonly ExportRequest[]): void;
	/** Ends tasks that have not ended. How many. A task whose slots may change hands at any moment is left alone. */
	cancel(which: (task: MigrationTask) => boolean): number;
	/**
	 * CLUSTER SYNCSLOTS: what the two ends say to each other.
	 * @param words behind SYNCSLOTS; views that are valid until it returns
	 * @returns whether `OK` is to be replied: most of it is never answered
	 * @throws CommandError
	 */
	hear(client: Client, words: readonly Uint8Array[]): boolean;
	/** All keys of this node were deleted: what is under way cannot go on. */
	flushed(): void;
}
