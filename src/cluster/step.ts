/**
 * One step of the core as the chapters see it: the state they work on, the effects they add to, and what is left to do
 * once at the step's end. One object a core, reused by every step.
 */

import type {ClusterConfig, DataFacts, Random} from './config.ts';
import {type Effects, emptyEffects, type LogLevel} from './effects.ts';
import type {ClusterState} from './state.ts';

/** Where this node listens, before announced addresses are applied. */
export interface Listening {
	/** Empty when it is learnt from the first MEET. */
	readonly host: string;
	readonly port: number;
	readonly busPort: number;
}

export class Step {
	readonly state: ClusterState;
	readonly config: ClusterConfig;
	readonly listening: Listening;
	readonly random: Random;
	readonly data: DataFacts;
	now = 0;
	effects: Effects = emptyEffects();
	/** The packet at hand was overtaken by a newer one of its sender: what it says of the sender itself is old. */
	isOvertaken = false;
	/** The cluster's state must be judged again at the end of the step. */
	isHealthDue = false;
	/** What a replica may do about its primary, or an operator's failover, must be thought over at the end of the step. */
	isFailoverDue = false;
	/** A pong must go to everybody at the end of the step: own slots or epochs changed. */
	isAnnouncementDue = false;

	constructor(
		state: ClusterState,
		config: ClusterConfig,
		listening: Listening,
		random: Random,
		data: DataFacts,
	) {
		this.state = state;
		this.config = config;
		this.listening = listening;
		this.random = random;
		this.data = data;
	}

	log(level: LogLevel, text: string): void {
		this.effects.logs.push({level, text});
	}

	/** nodes.conf must be written, at some time before the turn ends. */
	save(): void {
		if (this.effects.config === 'unchanged') this.effects.config = 'write';
	}

	/** nodes.conf must be on disk before anything of this step leaves the node. */
	saveDurably(): void {
		this.effects.config = 'durable';
	}

	/** Slots have new owners, or owners a new address or reachability. */
	slotsChanged(): void {
		this.save();
		this.effects.slotTableDirty = true;
		this.isHealthDue = true;
	}
}
