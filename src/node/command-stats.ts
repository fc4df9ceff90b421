/** Calls, time and latency of each command. The hot path adds to plain fields; objects are made at a command's first call. */
import type {Command} from '../commands/command.ts';
import type {CommandStat, CommandStats} from '../commands/services.ts';
import type {Settings} from '../commands/settings.ts';
import {CommandHistogram} from './latency-histogram.ts';

class Counters implements CommandStat {
	calls = 0;
	usec = 0;
	rejectedCalls = 0;
	failedCalls = 0;
	histogram: CommandHistogram | null = null;
}

export class NodeCommandStats implements CommandStats {
	readonly #settings: Settings;
	/** By the command's place in the table. */
	readonly #counters: (Counters | undefined)[] = [];
	readonly #commands: Command[] = [];

	constructor(settings: Settings) {
		this.#settings = settings;
	}

	of(command: Command): CommandStat {
		return this.#counters[command.id] ?? this.#first(command);
	}

	called(command: Command, us: number, calls: number): void {
		const counters = this.#counters[command.id] ?? this.#first(command);
		counters.calls += calls;
		counters.usec += us;
		if (this.#settings.latencyTracking)
			(counters.histogram ??= new CommandHistogram()).record((us * 1000) / calls, calls);
	}

	used(): readonly (readonly [command: Command, stat: CommandStat])[] {
		return this.#commands
			.map((command) => [command, this.of(command)] as const)
			.filter(([, {calls, rejectedCalls, failedCalls}]) => calls > 0 || rejectedCalls > 0 || failedCalls > 0)
			.toSorted(([a], [b]) => (a.name < b.name ? -1 : 1));
	}

	reset(): void {
		this.#counters.length = 0;
		this.#commands.length = 0;
	}

	#first(command: Command): Counters {
		const counters = new Counters();
		// No holes: an array with holes is slower to read.
		while (this.#counters.length <= command.id) this.#counters.push(undefined);
		this.#counters[command.id] = counters;
		this.#commands.push(command);
		return counters;
	}
}
