/**
 * Measures what commands cost without reading the clock around each: a reading takes 40 ns, a GET in a pipeline 400.
 *
 * A run of the same small command that went the hot way is timed as one and counted evenly, so that calls and
 * microseconds are exact in sum and a histogram shows a run's mean. All else is timed alone. Where the slow log must see
 * microseconds (`slowlog-log-slower-than` below a millisecond) everything is.
 */
import type {Client} from '../commands/client.ts';
import type {Command} from '../commands/command.ts';
import {FLAG} from '../commands/command.ts';
import type {Services} from '../commands/services.ts';
import type {Request} from '../resp/request.ts';

/** A run ends here at the latest. */
const RUN_CALLS = 64;
/** Commands of more arguments, and of more bytes in or out, may take any time and are timed alone. */
const SMALL_ARGUMENTS = 4;
const SMALL_BYTES = 16 * 1024;
const FINE_SLOWLOG_US = 1000;

export class CallTimer {
	readonly #services: Services;
	/** The run under way. */
	#command: Command | null = null;
	#calls = 0;
	/** When the run, or the command being timed, began. */
	#startUs = 0;

	constructor(services: Services) {
		this.#services = services;
	}

	/** Before a command runs. */
	start(command: Command): void {
		if (command === this.#command) return;
		const nowUs = this.#services.clock.monotonicUs();
		if (this.#command !== null) this.#settle(nowUs);
		this.#startUs = nowUs;
	}

	/** After it ran and replied so many bytes. `wasInPlace`: by its hot form. */
	stop(command: Command, request: Request, client: Client, wasInPlace: boolean, replyBytes: number): void {
		const {clock, config, slowlog, latency} = this.#services;
		const slowerThanUs = config.settings.slowlogLogSlowerThanUs;
		const mayRun =
			wasInPlace && isSmall(request, replyBytes) && (slowerThanUs < 0 || slowerThanUs >= FINE_SLOWLOG_US);
		if (mayRun && (this.#command === null || this.#command === command)) {
			this.#command = command;
			this.#calls++;
			if (this.#calls === RUN_CALLS) this.finish();
			return;
		}
		const nowUs = clock.monotonicUs();
		const us = nowUs - this.#startUs;
		if (this.#command !== null) {
			// It began as one of a run that it does not belong to: the run so far goes with it.
			this.#calls++;
			this.#settle(nowUs);
		} else {
			this.#services.commandStats.called(command, us, 1);
		}
		this.#startUs = nowUs;
		if ((command.flagBits & FLAG.skip_slowlog) === 0) slowlog.add(command, request, client, us, clock.nowMs);
		if (config.settings.latencyMonitorThresholdMs > 0) {
			const event = (command.flagBits & FLAG.fast) === 0 ? 'command' : 'fast-command';
			latency.add(event, us / 1000, clock.nowMs);
		}
	}

	/** Other commands are timed within the one that was started alone. What `resume` needs to go on with it. */
	suspend(): number {
		return this.#startUs;
	}

	/** They are done. */
	resume(startUs: number): void {
		this.finish();
		this.#startUs = startUs;
	}

	/** At the end of a chunk. */
	finish(): void {
		if (this.#command !== null) this.#settle(this.#services.clock.monotonicUs());
	}

	#settle(nowUs: number): void {
		this.#services.commandStats.called(this.#command!, nowUs - this.#startUs, this.#calls);
		this.#command = null;
		this.#calls = 0;
		this.#startUs = nowUs;
	}
}

const isSmall = (request: Request, replyBytes: number): boolean =>
	request.count <= SMALL_ARGUMENTS && request.end - request.start + replyBytes <= SMALL_BYTES;
