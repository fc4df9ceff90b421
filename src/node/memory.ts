/**
 * How much memory the node uses. "Used" is what grows with data and clients, since that is what maxmemory limits: keys, values,
 * tables, client buffers. The JavaScript heap is told beside it.
 */
import {clientMemoryBytes} from '../commands/client-line.ts';
import type {Clients, Memory, MemoryFigures, Stats} from '../commands/services.ts';
import type {Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import type {Host} from './host.ts';

export interface MemorySources {
	readonly settings: Settings;
	readonly clients: Clients;
	readonly stats: Stats;
	readonly databases: readonly Keyspace[];
	readonly host: Host;
}

/** What an entry of a key table costs on average, with the room left in its leaf. */
const TABLE_ENTRY_BYTES = 10;

export class NodeMemory implements Memory {
	readonly #sources: MemorySources;
	readonly #startupBytes: number;

	/** To be made while the databases are still empty. */
	constructor(sources: MemorySources) {
		this.#sources = sources;
		this.#startupBytes = this.usedBytes();
	}

	usedBytes(): number {
		let bytes = 0;
		for (const db of this.#sources.databases) bytes += db.usedBytes;
		return bytes;
	}

	/** The empty tables do not count: sixteen databases have some megabytes of them, and a small limit must leave room. */
	isOverLimit(): boolean {
		const limit = this.#sources.settings.maxMemoryBytes;
		return limit > 0 && this.usedBytes() - this.#startupBytes > limit;
	}

	/** Every 100 ms, so that a peak between two INFOs is not missed. */
	sample(): void {
		const {stats} = this.#sources;
		stats.peakMemoryBytes = Math.max(stats.peakMemoryBytes, this.usedBytes());
	}

	figures(): MemoryFigures {
		const {clients, databases, host, stats} = this.#sources;
		let clientsBytes = 0;
		for (const client of clients) clientsBytes += clientMemoryBytes(client);
		const arenaUsedBytes = this.usedBytes();
		const arenaReservedBytes = databases.reduce((sum, db) => sum + db.heldBytes, 0);
		const tables = databases.map((db, database) => ({
			database,
			mainBytes: db.size * TABLE_ENTRY_BYTES,
			expiryBytes: 0,
		}));
		const tableBytes = tables.reduce((sum, {mainBytes}) => sum + mainBytes, 0);
		const heap = host.heap();
		stats.peakMemoryBytes = Math.max(stats.peakMemoryBytes, arenaUsedBytes + clientsBytes);
		return {
			usedBytes: arenaUsedBytes + clientsBytes,
			peakBytes: stats.peakMemoryBytes,
			startupBytes: this.#startupBytes,
			residentBytes: arenaReservedBytes + heap.reservedBytes + clientsBytes,
			datasetBytes: Math.max(0, arenaUsedBytes - this.#startupBytes - tableBytes),
			clientsBytes,
			keyCount: databases.reduce((sum, db) => sum + db.size, 0),
			tables: tables.filter(({mainBytes}) => mainBytes > 0),
			arenaUsedBytes,
			arenaReservedBytes,
			heapUsedBytes: heap.usedBytes,
			heapReservedBytes: heap.reservedBytes,
			systemBytes: host.memoryBytes,
		};
	}

	purge(): void {
		// The arena returns a page as soon as its last block is free: nothing is left to purge.
	}
}
