/**
 * Spreads replicas over hosts: none on the host of its primary, and the replicas of one primary on different hosts. Random
 * swaps that do not make it worse, as redis-cli does it. Pure.
 */

/** What was reached. */
export type AntiAffinity = 'perfect' | 'replica-beside-primary' | 'replicas-together';

/** A replica on its primary's host weighs more than any number of siblings that share a host. */
const BESIDE_PRIMARY = 10_000;
const SWAPS_PER_NODE = 500;

/**
 * Swaps the primaries of replicas in `primaryOf` (by node, null for a primary) until nothing is left to wish, or the effort
 * is spent. Returns null when there was nothing to do.
 */
export function optimizeAntiAffinity(
	hosts: readonly string[],
	primaryOf: (number | null)[],
	below: (bound: number) => number,
): AntiAffinity | null {
	const placement = new Placement(hosts, primaryOf);
	if (placement.score === 0) return null;
	// On a single host no swap changes anything.
	const swaps = placement.hostCount > 1 ? SWAPS_PER_NODE * hosts.length : 0;
	const replicas = [...primaryOf.keys()].filter((node) => primaryOf[node] !== null);
	for (let i = 0; i < swaps && placement.score > 0 && replicas.length > 1; i++) {
		const offenders = replicas.filter((node) => placement.isOffender(node));
		const first = offenders[below(offenders.length)]!;
		const others = replicas.filter((node) => node !== first);
		const second = others[below(others.length)]!;
		const before = placement.score;
		placement.swap(first, second);
		// An equal score stays: the best place may take several swaps to reach.
		if (placement.score > before) placement.swap(first, second);
	}
	if (placement.score === 0) return 'perfect';
	return placement.score >= BESIDE_PRIMARY ? 'replica-beside-primary' : 'replicas-together';
}

/** The badness of a placement, 0 for none. */
export function antiAffinityScore(hosts: readonly string[], primaryOf: readonly (number | null)[]): number {
	return new Placement(hosts, [...primaryOf]).score;
}

/** Counts the replicas of each primary on each host, and keeps their score up to date through swaps. */
class Placement {
	readonly hostCount: number;
	score = 0;
	readonly #hostOf: readonly number[];
	readonly #primaryOf: (number | null)[];
	readonly #nodeCount: number;
	/** Replicas of primary p on host h at `h * nodeCount + p`. */
	readonly #counts: Int32Array;

	constructor(hosts: readonly string[], primaryOf: (number | null)[]) {
		const names = [...new Set(hosts)];
		const numbers = new Map(names.map((name, number) => [name, number]));
		this.hostCount = names.length;
		this.#hostOf = hosts.map((host) => numbers.get(host) ?? 0);
		this.#primaryOf = primaryOf;
		this.#nodeCount = hosts.length;
		this.#counts = new Int32Array(names.length * hosts.length);
		for (const [node, primary] of primaryOf.entries()) {
			if (primary !== null) this.#add(this.#hostOf[node]!, primary, 1);
		}
	}

	/** Whether this replica stands beside its primary or a sibling. */
	isOffender(node: number): boolean {
		const primary = this.#primaryOf[node];
		if (primary === null || primary === undefined) return false;
		const host = this.#hostOf[node]!;
		return this.#hostOf[primary] === host || this.#counts[host * this.#nodeCount + primary]! > 1;
	}

	/** Two replicas change their primaries. */
	swap(first: number, second: number): void {
		const firstPrimary = this.#primaryOf[first]!;
		const secondPrimary = this.#primaryOf[second]!;
		this.#add(this.#hostOf[first]!, firstPrimary, -1);
		this.#add(this.#hostOf[second]!, secondPrimary, -1);
		this.#add(this.#hostOf[first]!, secondPrimary, 1);
		this.#add(this.#hostOf[second]!, firstPrimary, 1);
		this.#primaryOf[first] = secondPrimary;
		this.#primaryOf[second] = firstPrimary;
	}

	#add(host: number, primary: number, difference: number): void {
		const at = host * this.#nodeCount + primary;
		this.score -= this.#cost(host, primary, this.#counts[at]!);
		this.#counts[at]! += difference;
		this.score += this.#cost(host, primary, this.#counts[at]!);
	}

	#cost(host: number, primary: number, count: number): number {
		if (this.#hostOf[primary] === host) return BESIDE_PRIMARY * count;
		return count > 1 ? count : 0;
	}
}
