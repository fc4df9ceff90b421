/**
 * The simulated bus: links between nodes as the mesh of MessageChannels makes them, and a network's faults.
 *
 * A link keeps the order of its messages. A dead node's links say nothing: nobody is told that they ended. A call across a
 * partition is never answered; one to a dead node is refused, as the launcher does, or not answered, as seeded.
 */

import type {LinkId} from '../cluster/effects.ts';
import type {BusMessage} from '../cluster/messages.ts';
import type {Prng} from '../lib/prng.ts';
import type {Scheduler} from './scheduler.ts';

/** What the network calls when something arrives. Ends of links are numbers of the endpoint's own. */
export interface Endpoint {
	readonly name: string;
	readonly host: string;
	readonly busPort: number;
	readonly isAlive: boolean;
	/** Changes with each start: what was meant for a former life does not arrive. */
	readonly life: number;
	accepted(fromHost: string): LinkId;
	opened(link: LinkId): void;
	failed(link: LinkId): void;
	received(link: LinkId, message: BusMessage): void;
}

export interface NetworkFaults {
	/** Delay of each message, uniform between both. */
	minDelayMs: number;
	maxDelayMs: number;
	/** Parts per hundred of messages that are lost. */
	lossPercent: number;
	/** Parts per hundred of messages that arrive twice. */
	repeatPercent: number;
	/** Whether a call to a dead node is refused, or not answered. */
	refusesDead: boolean;
}

/** One end of a link: whose, in which life of it, under which number. */
interface End {
	readonly endpoint: Endpoint;
	readonly life: number;
	readonly link: LinkId;
	other: End | null;
	/** The last arrival at this end: nothing overtakes it. */
	lastArrivalAt: number;
}

export class Network {
	readonly faults: NetworkFaults = {
		minDelayMs: 1,
		maxDelayMs: 1,
		lossPercent: 0,
		repeatPercent: 0,
		refusesDead: true,
	};
	/** Messages that arrived. */
	deliveredCount = 0;
	readonly #scheduler: Scheduler;
	readonly #random: Prng;
	readonly #endpoints = new Map<number, Endpoint>();
	readonly #ends = new Map<Endpoint, Map<LinkId, End>>();
	/** Pairs of names, both ways, between which nothing passes. */
	readonly #cuts = new Set<string>();

	constructor(scheduler: Scheduler, random: Prng) {
		this.#scheduler = scheduler;
		this.#random = random;
	}

	add(endpoint: Endpoint): void {
		this.#endpoints.set(endpoint.busPort, endpoint);
		this.#ends.set(endpoint, new Map());
	}

	/** The endpoint starts a new life without links. */
	forgetLinks(endpoint: Endpoint): void {
		this.#ends.set(endpoint, new Map());
	}

	connect(from: Endpoint, link: LinkId, busPort: number): void {
		const end: End = {endpoint: from, life: from.life, link, other: null, lastArrivalAt: 0};
		this.#ends.get(from)!.set(link, end);
		this.#scheduler.after(this.#delayMs(), () => this.#call(end, busPort));
	}

	send(from: Endpoint, link: LinkId, message: BusMessage): void {
		const end = this.#ends.get(from)!.get(link);
		const to = end?.other;
		if (to === null || to === undefined || this.#isHit(this.faults.lossPercent)) return;
		this.#deliver(from, to, message);
		if (this.#isHit(this.faults.repeatPercent)) this.#deliver(from, to, message);
	}

	/** The other end is told, unless something is in the way. */
	close(from: Endpoint, link: LinkId): void {
		const end = this.#ends.get(from)!.get(link);
		this.#ends.get(from)!.delete(link);
		const to = end?.other;
		if (to === null || to === undefined) return;
		to.other = null;
		this.#scheduler.at(Math.max(this.#scheduler.now + this.#delayMs(), to.lastArrivalAt), () => {
			if (this.#canReach(from, to)) to.endpoint.failed(to.link);
		});
	}

	/** Nothing passes between `one` and `other` any more, in either direction. */
	cut(one: string, other: string): void {
		this.#cuts.add(`${one}>${other}`).add(`${other}>${one}`);
	}

	/** Nothing passes from `from` to `to`; the way back stays open. */
	cutOneWay(from: string, to: string): void {
		this.#cuts.add(`${from}>${to}`);
	}

	/** A stream passes in both directions. */
	isOpenBetween(one: Endpoint, other: Endpoint): boolean {
		return !this.#isCut(one, other) && !this.#isCut(other, one);
	}

	/** All cuts, losses and repetitions end. */
	heal(): void {
		this.#cuts.clear();
		this.faults.lossPercent = 0;
		this.faults.repeatPercent = 0;
	}

	#call(end: End, busPort: number): void {
		if (!isCurrent(end)) return;
		const target = this.#endpoints.get(busPort);
		if (target === undefined || !target.isAlive) {
			if (this.faults.refusesDead) end.endpoint.failed(end.link);
			return;
		}
		if (this.#isCut(end.endpoint, target) || this.#isCut(target, end.endpoint)) return;
		if (!this.#ends.get(end.endpoint)!.has(end.link)) return;
		const link = target.accepted(end.endpoint.host);
		const other: End = {endpoint: target, life: target.life, link, other: end, lastArrivalAt: 0};
		this.#ends.get(target)!.set(link, other);
		end.other = other;
		end.endpoint.opened(end.link);
	}

	#deliver(from: Endpoint, to: End, message: BusMessage): void {
		const at = Math.max(this.#scheduler.now + this.#delayMs(), to.lastArrivalAt);
		to.lastArrivalAt = at;
		this.#scheduler.at(at, () => {
			if (!this.#canReach(from, to)) return;
			this.deliveredCount++;
			to.endpoint.received(to.link, message);
		});
	}

	#canReach(from: Endpoint, to: End): boolean {
		return isCurrent(to) && !this.#isCut(from, to.endpoint);
	}

	#isCut(from: Endpoint, to: Endpoint): boolean {
		return this.#cuts.size > 0 && this.#cuts.has(`${from.name}>${to.name}`);
	}

	#delayMs(): number {
		const {minDelayMs, maxDelayMs} = this.faults;
		return minDelayMs + (maxDelayMs > minDelayMs ? this.#random.below(maxDelayMs - minDelayMs + 1) : 0);
	}

	#isHit(percent: number): boolean {
		return percent > 0 && this.#random.below(100) < percent;
	}
}

function isCurrent(end: End): boolean {
	return end.endpoint.isAlive && end.endpoint.life === end.life;
}
