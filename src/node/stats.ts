/** The counters behind INFO's stats and errorstats sections, and the rates that are sampled from them. */
import type {Stats} from '../commands/services.ts';

/** At ten samples a second this is the mean of the last 1.6 seconds. */
const SAMPLE_COUNT = 16;

/** Growth of a counter per second, as the mean of the last samples. */
class Rate {
	readonly #perSecond = new Float64Array(SAMPLE_COUNT);
	#next = 0;
	#lastValue = 0;

	sample(value: number, elapsedMs: number): void {
		// A counter that was reset in between counts as one that stood still.
		this.#perSecond[this.#next] = (Math.max(0, value - this.#lastValue) * 1000) / elapsedMs;
		this.#next = (this.#next + 1) % SAMPLE_COUNT;
		this.#lastValue = value;
	}

	get mean(): number {
		return this.#perSecond.reduce((sum, each) => sum + each, 0) / SAMPLE_COUNT;
	}
}

export class NodeStats implements Stats {
	totalConnections = 0;
	rejectedConnections = 0;
	totalCommands = 0;
	netInputBytes = 0;
	netOutputBytes = 0;
	netReplicationInputBytes = 0;
	netReplicationOutputBytes = 0;
	syncFull = 0;
	syncPartialOk = 0;
	syncPartialErr = 0;
	totalReads = 0;
	totalWrites = 0;
	totalErrorReplies = 0;
	unexpectedErrorReplies = 0;
	evictedKeys = 0;
	evictedClients = 0;
	outputBufferLimitDisconnections = 0;
	expireCyclesCapped = 0;
	expireCycleCpuUs = 0;
	peakMemoryBytes = 0;

	readonly #errors = new Map<string, number>();
	readonly #commands = new Rate();
	readonly #input = new Rate();
	readonly #output = new Rate();
	readonly #replicationInput = new Rate();
	readonly #replicationOutput = new Rate();
	#sampledAtMs: number;

	readonly startedAtMs: number;

	/** @param startedAtMs unix time */
	constructor(startedAtMs: number) {
		this.startedAtMs = startedAtMs;
		this.#sampledAtMs = startedAtMs;
	}

	get opsPerSecond(): number {
		return Math.floor(this.#commands.mean);
	}

	get inputKbps(): number {
		return this.#input.mean / 1024;
	}

	get outputKbps(): number {
		return this.#output.mean / 1024;
	}

	get replicationInputKbps(): number {
		return this.#replicationInput.mean / 1024;
	}

	get replicationOutputKbps(): number {
		return this.#replicationOutput.mean / 1024;
	}

	errorReplied(line: string): void {
		this.totalErrorReplies++;
		const blank = line.indexOf(' ');
		const word = blank === -1 ? line : line.slice(0, blank);
		this.#errors.set(word, (this.#errors.get(word) ?? 0) + 1);
	}

	errors(): readonly (readonly [word: string, count: number])[] {
		return [...this.#errors].toSorted(([a], [b]) => (a < b ? -1 : 1));
	}

	sample(nowMs: number): void {
		const elapsedMs = nowMs - this.#sampledAtMs;
		if (elapsedMs <= 0) return;
		this.#sampledAtMs = nowMs;
		this.#commands.sample(this.totalCommands, elapsedMs);
		this.#input.sample(this.netInputBytes, elapsedMs);
		this.#output.sample(this.netOutputBytes, elapsedMs);
		this.#replicationInput.sample(this.netReplicationInputBytes, elapsedMs);
		this.#replicationOutput.sample(this.netReplicationOutputBytes, elapsedMs);
	}

	reset(): void {
		this.totalConnections = 0;
		this.rejectedConnections = 0;
		this.totalCommands = 0;
		this.netInputBytes = 0;
		this.netOutputBytes = 0;
		this.netReplicationInputBytes = 0;
		this.netReplicationOutputBytes = 0;
		this.syncFull = 0;
		this.syncPartialOk = 0;
		this.syncPartialErr = 0;
		this.totalReads = 0;
		this.totalWrites = 0;
		this.totalErrorReplies = 0;
		this.unexpectedErrorReplies = 0;
		this.evictedKeys = 0;
		this.evictedClients = 0;
		this.outputBufferLimitDisconnections = 0;
		this.expireCyclesCapped = 0;
		this.expireCycleCpuUs = 0;
		this.#errors.clear();
	}
}
