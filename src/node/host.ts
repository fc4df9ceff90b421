/** What INFO and MEMORY say about the process, the machine and this thread. Read when asked for, never on a hot path. */
import {randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {arch, release, totalmem, type as systemType} from 'node:os';
import {getHeapStatistics} from 'node:v8';

interface CpuSeconds {
	readonly user: number;
	readonly system: number;
}

interface HeapBytes {
	readonly usedBytes: number;
	readonly reservedBytes: number;
}

export interface Host {
	readonly processId: number;
	/** For example `Linux 6.1.0 x86_64`. */
	readonly system: string;
	readonly archBits: 32 | 64;
	readonly executable: string;
	readonly nodeVersion: string;
	/** Forty hex digits, new at each start. */
	readonly runId: string;
	readonly memoryBytes: number;
	/** Of this thread: its JavaScript heap. */
	heap(): HeapBytes;
	/** Of this thread where the system tells it, else of the process. */
	cpu(): CpuSeconds;
}

const MACHINES: Readonly<Record<string, string>> = {x64: 'x86_64', arm64: 'aarch64', ia32: 'i686'};
const ARCHES_OF_32_BITS = new Set(['arm', 'ia32', 'mips', 'mipsel']);
/** Clock ticks a second in /proc; the kernel shows this to every program. */
const TICKS = 100;

export function createHost(): Host {
	return {
		processId: process.pid,
		system: `${systemType()} ${release()} ${MACHINES[arch()] ?? arch()}`,
		archBits: ARCHES_OF_32_BITS.has(arch()) ? 32 : 64,
		executable: process.execPath,
		nodeVersion: process.versions.node,
		runId: randomBytes(20).toString('hex'),
		memoryBytes: totalmem(),
		heap() {
			const {used_heap_size: usedBytes, total_heap_size: reservedBytes} = getHeapStatistics();
			return {usedBytes, reservedBytes};
		},
		cpu: () => threadCpu() ?? processCpu(),
	};
}

/** Linux only. Fields 14 and 15, counted behind the name in brackets, which may itself hold blanks. */
function threadCpu(): CpuSeconds | null {
	try {
		const stat = readFileSync('/proc/thread-self/stat', 'latin1');
		const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return {user: Number(fields[11]) / TICKS, system: Number(fields[12]) / TICKS};
	} catch {
		return null;
	}
}

function processCpu(): CpuSeconds {
	const {user, system} = process.cpuUsage();
	return {user: user / 1e6, system: system / 1e6};
}
