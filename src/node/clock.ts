/** The real clock of a node, behind the Clock port. The only file of the cluster's shell that asks the time. */
import type {Clock} from './ports.ts';

const startWallMs = performance.timeOrigin;

export const systemClock: Clock = {
	monotonicMs: () => performance.now(),
	wallMs: () => Date.now(),
	/** Wall time that never goes backwards: the start's wall clock carried on by the monotonic one. */
	steadyWallMs: () => Math.floor(startWallMs + performance.now()),
	after(delayMs, run) {
		const timer = setTimeout(run, delayMs);
		return () => clearTimeout(timer);
	},
	every(intervalMs, run) {
		const timer = setInterval(run, intervalMs);
		return () => clearInterval(timer);
	},
};
