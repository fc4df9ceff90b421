/**
 * The pure core of one cluster node: what it is told goes in, what its shell must do comes out. It has no clock, no
 * randomness and no sockets of its own; `now` is milliseconds since the Unix epoch on a clock that never goes back.
 *
 * The shell drives it thus: `start` once; `tick` ten times a second; a call for each thing that happens to a link; `submit`
 * for each change a client asks for. Every call returns the effects of that step, to be carried out before the next.
 *
 * What is learnt is acted on in the step that learns it; a tick only does what time alone brings about.
 */

import {unreachable} from '../lib/assert.ts';
import {type ChangeOutcome, type ClusterChange, DONE} from './changes.ts';
import {updateHealth} from './cluster-health.ts';
import type {ClusterConfig, DataFacts, Random} from './config.ts';
import {pursueElection} from './election.ts';
import {type Effects, emptyEffects, type LinkId} from './effects.ts';
import {bumpEpoch, setConfigEpoch} from './epochs.ts';
import {noticeSilence} from './failure-detection.ts';
import {expireHandshakes, meet} from './handshake.ts';
import {announceMyself, sendPing, tendLinks} from './heartbeat.ts';
import {acceptLink, dropLink, openLinkIfPossible} from './links.ts';
import {failOver, pursueManualFailover} from './manual-failover.ts';
import {applyOwnAddress, applyOwnFlags, expireBans, forget, reset} from './membership.ts';
import type {BusMessage} from './messages.ts';
import {type NodeId, randomNodeId} from './node-id.ts';
import {formatNodesConf, type NodesConf} from './nodes-conf.ts';
import {publish} from './publish.ts';
import {receiveMessage} from './receive.ts';
import {considerMigration} from './replica-migration.ts';
import {checkDataAgainstSlots, restoreState} from './restart.ts';
import {replicate, tellRole} from './roles.ts';
import {redirection, route, routeOpenSlot, type Verdict} from './routing.ts';
import {
	addSlots,
	deleteSlots,
	flushSlots,
	setSlotImporting,
	setSlotMigrating,
	setSlotNode,
	setSlotStable,
} from './slot-assignment.ts';
import {ClusterState, type ClusterView} from './state.ts';
import {Step} from './step.ts';

export interface CoreOptions {
	/** Ignored when `restored` is given; made of `random` when neither is. */
	readonly id?: NodeId;
	/** The address others reach this node at; empty when it must be learnt from the first MEET. */
	readonly host: string;
	readonly port: number;
	readonly busPort: number;
	readonly config: ClusterConfig;
	readonly random: Random;
	readonly data: DataFacts;
	readonly now: number;
	/** What `parseNodesConf` read from nodes.conf; null on a node's first start. */
	readonly restored: NodesConf | null;
}

/** A change's outcome and its effects. The effects of a change that was refused ask for nothing. */
export interface Submitted {
	readonly outcome: ChangeOutcome;
	readonly effects: Effects;
}

export class ClusterCore {
	readonly config: ClusterConfig;
	readonly #state: ClusterState;
	readonly #step: Step;
	readonly #wasRestored: boolean;
	/** Before the start the data is not loaded: nobody is followed or replaced. */
	#hasStarted = false;

	constructor(options: CoreOptions) {
		const {config, data, now, random, restored} = options;
		this.config = config;
		this.#wasRestored = restored !== null;
		this.#state =
			restored === null
				? new ClusterState(options.id ?? randomNodeId(random), now)
				: restoreState(restored, now);
		this.#step = new Step(this.#state, config, options, random, data);
		applyOwnAddress(this.#step);
		this.#forgetStep();
	}

	/** For describe.ts and other readers. Live: it changes with the next step, but for this node's own offset, which is of now. */
	get view(): ClusterView {
		this.#noteOffset();
		return this.#state;
	}

	/** Once, when the data is loaded: compares it with the slots, opens the links of restored nodes, asks for nodes.conf. */
	start(now: number): Effects {
		const step = this.#begin(now);
		this.#hasStarted = true;
		const {id} = this.#state.myself;
		step.log(
			'notice',
			this.#wasRestored
				? `Node configuration loaded, I'm ${id}`
				: `No cluster configuration found, I'm ${id}`,
		);
		applyOwnFlags(step);
		checkDataAgainstSlots(step);
		for (const node of this.#state.nodes.values()) openLinkIfPossible(step, node);
		step.save();
		step.isHealthDue = true;
		return this.#finish();
	}

	/** Ten times a second. */
	tick(now: number): Effects {
		const step = this.#begin(now);
		expireHandshakes(step);
		expireBans(step);
		tendLinks(step);
		noticeSilence(step);
		considerMigration(step);
		step.isFailoverDue = true;
		if (!this.#state.isOk) step.isHealthDue = true;
		return this.#finish();
	}

	/** Another node opened a link to this one. The number to report the link's messages and end with. */
	linkAccepted(remoteHost: string, localHost: string, now: number): LinkId {
		this.#step.now = now;
		return acceptLink(this.#step, remoteHost, localHost).id;
	}

	/** A link asked for by `Effects.connects` is open: ping, or meet, whom it leads to. */
	linkOpened(link: LinkId, now: number): Effects {
		const step = this.#begin(now);
		const opened = this.#state.links.get(link);
		if (opened !== undefined && opened.node !== null && !opened.isOpen) {
			opened.isOpen = true;
			sendPing(step, opened.node);
		}
		return this.#finish();
	}

	/**
	 * A link could not be opened, or ended, whoever opened it. Unknown numbers are ignored. It says nothing about the node at
	 * its other end: the next tick opens another.
	 */
	linkFailed(link: LinkId, now: number): Effects {
		const step = this.#begin(now);
		const failed = this.#state.links.get(link);
		if (failed !== undefined) dropLink(step, failed);
		return this.#finish();
	}

	/** A message came on a link, either direction. */
	receive(link: LinkId, message: BusMessage, now: number): Effects {
		const step = this.#begin(now);
		const by = this.#state.links.get(link);
		if (by !== undefined) receiveMessage(step, by, message);
		return this.#finish();
	}

	/** A frame came that `readBusMessage` refused. */
	messageRejected(_link: LinkId, now: number): Effects {
		this.#begin(now);
		this.#state.messages.rejected++;
		return this.#finish();
	}

	/**
	 * A replica's applied offset moved while `ClusterView.awaitsOffset` is true, or its link to its primary went up or down.
	 * More calls than that do no harm.
	 */
	dataAdvanced(now: number): Effects {
		this.#begin(now).isFailoverDue = true;
		return this.#finish();
	}

	/** An operator's change: carried out as a whole, or refused and nothing changed. */
	submit(change: ClusterChange, now: number): Submitted {
		const outcome = carryOut(this.#begin(now), change);
		return {outcome, effects: this.#finish()};
	}

	/** A client's message for a channel goes to the other nodes, of a sharded channel to those of the shard. */
	publish(channel: Uint8Array, message: Uint8Array, isSharded: boolean, now: number): Effects {
		publish(this.#begin(now), channel, message, isSharded);
		return this.#finish();
	}

	/** `config` was changed. */
	reconfigured(now: number): Effects {
		const step = this.#begin(now);
		applyOwnFlags(step);
		applyOwnAddress(step);
		step.isHealthDue = true;
		return this.#finish();
	}

	/** See routing.ts. Allocates nothing. */
	route(slot: number, flags: number): Verdict {
		return route(this.#state, this.config, slot, flags);
	}

	/** See routing.ts. Allocates nothing. */
	routeOpenSlot(
		slot: number,
		flags: number,
		presentCount: number,
		missingCount: number,
		hasSeveralKeys: boolean,
	): Verdict {
		return routeOpenSlot(this.#state, slot, flags, presentCount, missingCount, hasSeveralKeys);
	}

	/** The error line of a verdict, without the leading `-`. */
	redirection(verdict: Verdict, slot: number): string {
		return redirection(this.#state, this.config, verdict, slot);
	}

	/** The text of nodes.conf as it must stand on disk now. */
	nodesConf(): string {
		return formatNodesConf(this.#state);
	}

	#begin(now: number): Step {
		this.#step.now = now;
		this.#noteOffset();
		return this.#step;
	}

	#noteOffset(): void {
		this.#state.myself.replicationOffset = this.#step.data.replicationOffset();
	}

	#finish(): Effects {
		const step = this.#step;
		while (this.#hasStarted && step.isFailoverDue) {
			step.isFailoverDue = false;
			pursueManualFailover(step);
			pursueElection(step);
		}
		if (step.isHealthDue) updateHealth(step);
		if (step.isAnnouncementDue) announceMyself(step);
		if (this.#hasStarted) tellRole(step);
		return this.#forgetStep();
	}

	#forgetStep(): Effects {
		const step = this.#step;
		const {effects} = step;
		step.effects = emptyEffects();
		step.isHealthDue = false;
		step.isFailoverDue = false;
		step.isAnnouncementDue = false;
		return effects;
	}
}

function carryOut(step: Step, change: ClusterChange): ChangeOutcome {
	switch (change.kind) {
		case 'meet':
			return meet(step, change.host, change.port, change.busPort);
		case 'add-slots':
			return addSlots(step, change.ranges);
		case 'delete-slots':
			return deleteSlots(step, change.ranges);
		case 'flush-slots':
			return flushSlots(step);
		case 'set-slot-migrating':
			return setSlotMigrating(step, change.slot, change.to);
		case 'set-slot-importing':
			return setSlotImporting(step, change.slot, change.from);
		case 'set-slot-stable':
			return setSlotStable(step, change.slot);
		case 'set-slot-node':
			return setSlotNode(step, change.slot, change.owner);
		case 'set-config-epoch':
			return setConfigEpoch(step, change.epoch);
		case 'bump-epoch':
			return bumpEpoch(step);
		case 'forget':
			return forget(step, change.node);
		case 'reset':
			return reset(step, change.hard);
		case 'replicate':
			return replicate(step, change.node);
		case 'failover':
			return failOver(step, change.mode);
		case 'save-config':
			step.saveDurably();
			return DONE;
		default:
			return unreachable(change);
	}
}
