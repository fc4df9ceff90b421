/**
 * The keyspace by itself: memory a key, time of a find and a set, and the worst pause while ten million keys are
 * loaded and removed, spread over all slots and in a single one.
 *
 *   node build/bench/keyspace.js [keys=1000000] [loaded=10000000]
 *
 * Times depend on the latency of main memory above all (a find of a random key waits for it twice: entry, record),
 * so that is measured too. On a busy machine, `node --single-threaded-gc` tells the keyspace's own pauses: else the
 * collector waits for threads that do not get the processor. The last line is the whole result as JSON.
 */

import {closeSync, openSync, readSync} from 'node:fs';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {Bench} from 'tinybench';
import {Keyspace} from '../src/data/keyspace.ts';
import {Prng} from '../src/lib/prng.ts';
import {regionOf} from '../src/lib/region.ts';
import {keySlot} from '../src/slots/key-slot.ts';

const KEY_LENGTH = 16;
const VALUE_LENGTH = 64;
/** Operations between two looks at the clock: about a tenth of a millisecond. */
const BATCH = 256;
/** Operations a run of the benchmark: tinybench times runs, and one operation is shorter than its clock. */
const RUN = 1000;

const key = regionOf(new Uint8Array(KEY_LENGTH));
const value = regionOf(new Uint8Array(VALUE_LENGTH).fill(0x78));

/** Writes the n-th key: the prefix, then decimal digits up to 16 bytes. */
function writeKey(prefix: string, n: number): void {
	for (let i = KEY_LENGTH - 1; i >= prefix.length; i--) {
		key.bytes[i] = 48 + (n % 10);
		n = Math.floor(n / 10);
	}
	for (let i = 0; i < prefix.length; i++) {
		key.bytes[i] = prefix.charCodeAt(i);
	}
}

function set(keyspace: Keyspace): void {
	const slot = keySlot(key.bytes, 0, KEY_LENGTH);
	keyspace.setString(slot, key, 0, KEY_LENGTH, value, 0, VALUE_LENGTH, false);
}

/**
 * How long this thread was ready to run while others had the processor, ms: on a busy machine that is most of what a
 * wall clock shows as a pause. Linux tells; elsewhere it is 0.
 */
class WaitClock {
	readonly #file = openOrNull('/proc/thread-self/schedstat');
	readonly #text = Buffer.alloc(128);

	waitedMs(): number {
		if (this.#file === null) {
			return 0;
		}
		const length = readSync(this.#file, this.#text, 0, this.#text.length, 0);
		return Number(this.#text.toString('latin1', 0, length).split(' ')[1]) / 1e6;
	}

	[Symbol.dispose](): void {
		if (this.#file !== null) {
			closeSync(this.#file);
		}
	}
}

function openOrNull(path: string): number | null {
	try {
		return openSync(path, 'r');
	} catch {
		return null;
	}
}

interface Pauses {
	/** Processor time. */
	nsEach: number;
	/** The longest batch by the wall clock, and as it would be on a machine of its own. */
	worstWallMs: number;
	worstMs: number;
	/** Batches over 1 and over 2 ms, likewise on a machine of its own. */
	over1Ms: number;
	over2Ms: number;
}

/** Does `count` operations in small batches and keeps the worst. */
function measurePauses(count: number, operation: (n: number) => void): Pauses {
	using clock = new WaitClock();
	const pauses = {nsEach: 0, worstWallMs: 0, worstMs: 0, over1Ms: 0, over2Ms: 0};
	let total = 0;
	for (let n = 0; n < count;) {
		const waited = clock.waitedMs();
		const cpu = process.cpuUsage();
		const started = performance.now();
		for (const end = Math.min(count, n + BATCH); n < end; n++) {
			operation(n);
		}
		const wall = performance.now() - started;
		const {user, system} = process.cpuUsage(cpu);
		const cpuMs = (user + system) / 1000;
		// A collection waits for its helper threads, and these for the processor: that is seen neither in the thread's
		// own waiting nor in processor time, so the smaller of both is nearest to the truth.
		const own = Math.min(Math.max(wall - (clock.waitedMs() - waited), 0), cpuMs);
		total += cpuMs;
		pauses.worstWallMs = Math.max(pauses.worstWallMs, wall);
		pauses.worstMs = Math.max(pauses.worstMs, own);
		pauses.over1Ms += own > 1 ? 1 : 0;
		pauses.over2Ms += own > 2 ? 1 : 0;
	}
	pauses.nsEach = (total * 1e6) / count;
	return pauses;
}

/** Loads and removes; both phases after a warm-up of the same code on a keyspace of its own. */
function measureLoad(prefix: string, count: number) {
	run(prefix, Math.min(count, 300_000));
	// What earlier parts left is given back to the system now, not in the midst of this one: a gigabyte takes 0.1 s.
	collectGarbage();
	return run(prefix, count);

	function run(keyPrefix: string, keys: number) {
		const keyspace = new Keyspace();
		const load = measurePauses(keys, (n) => {
			writeKey(keyPrefix, n);
			set(keyspace);
		});
		const bytesAKey = {
			used: keyspace.usedBytes / keys,
			held: keyspace.heldBytes / keys,
		};
		const removal = measurePauses(keys, (n) => {
			writeKey(keyPrefix, n);
			keyspace.remove(keySlot(key.bytes, 0, KEY_LENGTH), key, 0, KEY_LENGTH);
		});
		return {keys, bytesAKey, load, removal, heldAfterRemoval: keyspace.heldBytes};
	}
}

/** Nanoseconds of one load from main memory that must wait for the one before: a random cycle through 64 MB. */
function measureLatency(): number {
	const lines = 1 << 20;
	const order = new Prng(1).shuffle(Array.from({length: lines}, (_, i) => i));
	const memory = new Int32Array(lines * 16);
	for (let i = 0; i < lines; i++) {
		memory[order[i]! * 16] = order[(i + 1) % lines]! * 16;
	}
	let at = 0;
	const steps = 1_000_000;
	const started = performance.now();
	for (let i = 0; i < steps; i++) {
		at = memory[at]!;
	}
	const elapsed = performance.now() - started;
	return at < 0 ? 0 : (elapsed * 1e6) / steps;
}

async function measureOperations(count: number): Promise<Record<string, number>> {
	const keyspace = new Keyspace();
	const prng = new Prng(2);
	for (let n = 0; n < count; n++) {
		writeKey('key:', n);
		set(keyspace);
	}
	let fresh = count;
	const bench = new Bench({time: 1500, warmupTime: 500});
	const repeat = (name: string, operation: () => void) => {
		bench.add(name, () => {
			for (let i = 0; i < RUN; i++) {
				operation();
			}
		});
	};
	repeat('make a random key (in all below)', () => {
		writeKey('key:', prng.below(count));
	});
	repeat('keySlot', () => {
		writeKey('key:', prng.below(count));
		keySlot(key.bytes, 0, KEY_LENGTH);
	});
	repeat('find, hit', () => {
		writeKey('key:', prng.below(count));
		keyspace.find(keySlot(key.bytes, 0, KEY_LENGTH), key, 0, KEY_LENGTH);
	});
	repeat('find, miss', () => {
		writeKey('nil:', prng.below(count));
		keyspace.find(keySlot(key.bytes, 0, KEY_LENGTH), key, 0, KEY_LENGTH);
	});
	repeat('find, hit among 1000 hot keys', () => {
		writeKey('key:', prng.below(1000));
		keyspace.find(keySlot(key.bytes, 0, KEY_LENGTH), key, 0, KEY_LENGTH);
	});
	repeat('set, replacing', () => {
		writeKey('key:', prng.below(count));
		set(keyspace);
	});
	repeat('set among 1000 hot keys', () => {
		writeKey('key:', prng.below(1000));
		set(keyspace);
	});
	repeat('set, new key, and remove it', () => {
		writeKey('new:', fresh++);
		set(keyspace);
		keyspace.remove(keySlot(key.bytes, 0, KEY_LENGTH), key, 0, KEY_LENGTH);
	});
	await bench.run();
	const result: Record<string, number> = {};
	for (const task of bench.tasks) {
		if (task.result.state === 'completed') {
			result[task.name] = Math.round((task.result.latency.p50 * 1e6) / RUN);
		}
	}
	return result;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const keys = Number(process.argv[2] ?? 1_000_000);
const loaded = Number(process.argv[3] ?? 10_000_000);
const result = {
	node: process.version,
	memoryLatencyNs: Math.round(measureLatency()),
	nsMedian: await measureOperations(keys),
	memory: measureLoad('key:', keys).bytesAKey,
	allSlots: measureLoad('key:', loaded),
	oneSlot: measureLoad('{t}', loaded),
};

console.table(result.nsMedian);
console.table({'all slots': flat(result.allSlots), 'one slot': flat(result.oneSlot)});
console.log(JSON.stringify(result));

function flat({load, removal, bytesAKey}: ReturnType<typeof measureLoad>) {
	return {
		'bytes a key, used': bytesAKey.used.toFixed(1),
		held: bytesAKey.held.toFixed(1),
		'ns a set': Math.round(load.nsEach),
		'worst pause ms': load.worstMs.toFixed(2),
		'over 2 ms': load.over2Ms,
		'ns a removal': Math.round(removal.nsEach),
		'worst ms': removal.worstMs.toFixed(2),
		'removal over 2 ms': removal.over2Ms,
	};
}
