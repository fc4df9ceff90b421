/** What INFO memory and MEMORY STATS derive from the figures, so that both say the same. */
import type {MemoryFigures} from './services.ts';

export interface MemoryRatios {
	/** Used bytes that are no keys and values. */
	readonly overheadBytes: number;
	readonly bytesPerKey: number;
	readonly datasetPercent: number;
	readonly peakPercent: number;
	/** In use and reserved, of the data's pages and the JavaScript heap. */
	readonly allocatedBytes: number;
	readonly activeBytes: number;
	/** Reserved over in use. */
	readonly fragmentation: number;
	readonly fragmentationBytes: number;
	/** Resident over reserved. */
	readonly residentOverhead: number;
	readonly residentOverheadBytes: number;
	/** Resident over used. */
	readonly residentRatio: number;
	readonly residentRatioBytes: number;
}

export function memoryRatios(figures: MemoryFigures): MemoryRatios {
	const {usedBytes, datasetBytes, startupBytes, residentBytes} = figures;
	const allocatedBytes = figures.arenaUsedBytes + figures.heapUsedBytes;
	const activeBytes = figures.arenaReservedBytes + figures.heapReservedBytes;
	const netBytes = Math.max(1, usedBytes - startupBytes);
	return {
		overheadBytes: Math.max(0, usedBytes - datasetBytes),
		bytesPerKey: figures.keyCount === 0 ? 0 : Math.floor(netBytes / figures.keyCount),
		datasetPercent: Math.min(100, (100 * datasetBytes) / netBytes),
		peakPercent: (100 * usedBytes) / Math.max(1, figures.peakBytes),
		allocatedBytes,
		activeBytes,
		fragmentation: activeBytes / Math.max(1, allocatedBytes),
		fragmentationBytes: activeBytes - allocatedBytes,
		residentOverhead: residentBytes / Math.max(1, activeBytes),
		residentOverheadBytes: residentBytes - activeBytes,
		residentRatio: residentBytes / Math.max(1, usedBytes),
		residentRatioBytes: residentBytes - usedBytes,
	};
}
