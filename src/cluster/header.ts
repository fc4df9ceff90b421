/**
 * What a node says of itself at the head of each packet. Chapter: Cluster Specification, "Heartbeat packet content".
 */

import type {Header} from './messages.ts';
import {NodeFlags, primaryOf} from './state.ts';
import type {Step} from './step.ts';

/** What this node says of itself now. */
export function makeHeader(step: Step): Header {
	const {state, config, listening} = step;
	const {manualFailover, myself} = state;
	const primary = primaryOf(myself) ?? myself;
	return {
		sender: myself.id,
		sequence: ++state.lastSequence,
		flags: myself.flags & (NodeFlags.PRIMARY | NodeFlags.REPLICA | NodeFlags.NOFAILOVER),
		currentEpoch: state.currentEpoch,
		configEpoch: primary.configEpoch,
		replicationOffset: myself.replicationOffset,
		slots: state.slotsOf(primary),
		primary: myself.primary?.id ?? null,
		host: config.announceHost === '' ? listening.host : config.announceHost,
		port: myself.port,
		busPort: myself.busPort,
		hostname: myself.hostname,
		shardId: myself.shardId,
		ok: state.isOk,
		pausedFor: manualFailover?.side === 'primary' ? manualFailover.replica.id : null,
	};
}
