/** The latency monitor: for each kind of event the last 160 times that it took longer than the threshold. */
import type {LatencyEvent, LatencyMonitor, LatencySample} from '../commands/services.ts';
import type {Settings} from '../commands/settings.ts';

const MOST_SAMPLES = 160;

class Event implements LatencyEvent {
	readonly name: string;
	readonly samples: LatencySample[] = [];
	maxMs = 0;

	constructor(name: string) {
		this.name = name;
	}

	add(atSeconds: number, ms: number): void {
		this.maxMs = Math.max(this.maxMs, ms);
		const last = this.samples.at(-1);
		// One sample a second: the worst.
		if (last?.atSeconds === atSeconds) {
			if (ms > last.ms) this.samples[this.samples.length - 1] = {atSeconds, ms};
			return;
		}
		this.samples.push({atSeconds, ms});
		if (this.samples.length > MOST_SAMPLES) this.samples.shift();
	}
}

export class NodeLatencyMonitor implements LatencyMonitor {
	readonly #settings: Settings;
	readonly #events = new Map<string, Event>();

	constructor(settings: Settings) {
		this.#settings = settings;
	}

	add(event: string, ms: number, nowMs: number): void {
		const threshold = this.#settings.latencyMonitorThresholdMs;
		if (threshold === 0 || ms < threshold) return;
		let samples = this.#events.get(event);
		if (samples === undefined) {
			samples = new Event(event);
			this.#events.set(event, samples);
		}
		samples.add(Math.floor(nowMs / 1000), Math.floor(ms));
	}

	event(name: string): LatencyEvent | undefined {
		return this.#events.get(name);
	}

	events(): readonly LatencyEvent[] {
		return [...this.#events.values()];
	}

	reset(names?: readonly string[]): number {
		if (names === undefined) {
			const count = this.#events.size;
			this.#events.clear();
			return count;
		}
		return names.filter((name) => this.#events.delete(name)).length;
	}
}
