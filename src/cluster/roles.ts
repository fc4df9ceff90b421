/**
 * Who is a primary and who replicates whom: as nodes say it of themselves, and as this node is told or decides.
 * Chapter: Cluster Specification, "Heartbeat packet content", "Cluster node attributes"; CLUSTER REPLICATE.
 */

import {assert} from '../lib/assert.ts';
import {type ChangeOutcome, DONE, refused} from './changes.ts';
import type {Header} from './messages.ts';
import {parseNodeId} from './node-id.ts';
import {type ClusterNode, hasFlag, isPrimary, isReplica, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** CLUSTER REPLICATE */
export function replicate(step: Step, name: string): ChangeOutcome {
	const {data, state} = step;
	const {myself} = state;
	const id = parseNodeId(name);
	const node = id === null ? undefined : state.nodes.get(id);
	if (node === undefined) return refused(`ERR Unknown node ${name}`);
	if (node === myself) return refused("ERR Can't replicate myself");
	if (isReplica(node)) return refused('ERR I can only replicate a master, not a replica.');
	if (isPrimary(myself) && (myself.slotCount > 0 || data.keyCount() > 0)) {
		return refused('ERR To set a master the node must be empty and without assigned slots.');
	}
	followPrimary(step, node);
	return DONE;
}

/** Makes this node a replica of `primary`, and tells everybody. */
export function followPrimary(step: Step, primary: ClusterNode): void {
	const {state} = step;
	const {myself} = state;
	assert(primary !== myself, 'a node does not replicate itself');
	// ADDSLOTS may have given some to a replica.
	state.releaseSlots(myself);
	myself.flags = (myself.flags & ~NodeFlags.PRIMARY) | NodeFlags.REPLICA;
	state.migratingTo.clear();
	state.importingFrom.clear();
	state.setPrimary(myself, primary);
	if (primary.shardId !== '') myself.shardId = primary.shardId;
	step.slotsChanged();
	step.isAnnouncementDue = true;
	step.isFailoverDue = true;
}

/**
 * The last slot that this node served, or its primary, is another's: as a replica of that one it is of use. A primary that
 * comes back after a failover becomes a replica thus, and the replicas that it had go along.
 */
export function followSlots(step: Step, owner: ClusterNode): void {
	step.log('warning', `Configuration change detected. Reconfiguring myself as a replica of ${owner.id}`);
	followPrimary(step, owner);
}

/** Takes over the role, name and shard that a packet's sender gives itself. */
export function learnRole(step: Step, sender: ClusterNode, header: Header): void {
	if (header.primary === null) {
		if (!isPrimary(sender)) becomePrimary(step, sender);
	} else {
		becomeReplica(step, sender, step.state.nodes.get(header.primary) ?? null);
	}
	const nofailover = header.flags & NodeFlags.NOFAILOVER;
	if ((sender.flags & NodeFlags.NOFAILOVER) !== nofailover) {
		sender.flags = (sender.flags & ~NodeFlags.NOFAILOVER) | nofailover;
		step.save();
	}
	if (sender.hostname !== header.hostname) {
		sender.hostname = header.hostname;
		step.save();
	}
	sender.shardId = header.shardId;
	if (sender === step.state.myself.primary) learnFromPrimary(step, sender);
}

export function becomePrimary(step: Step, node: ClusterNode): void {
	const {state} = step;
	// Its replicas are those of the primary that it took over from, sooner or later.
	const takesOver = node !== state.myself && node.primary !== null;
	state.setPrimary(node, null);
	if (takesOver) node.mayTakeReplica = true;
	node.flags = (node.flags & ~NodeFlags.REPLICA) | NodeFlags.PRIMARY;
	step.slotsChanged();
	step.isFailoverDue = true;
}

/** Tells the data plane when it must follow another primary than it was last told of, or lead. */
export function tellRole(step: Step): void {
	const {effects, state} = step;
	const {followed, myself} = state;
	if (isPrimary(myself)) {
		if (followed === null) return;
		state.followed = null;
		effects.role = {kind: 'lead'};
		return;
	}
	const {primary} = myself;
	if (primary === null || primary.host === '') return;
	const {host, id: node, port} = primary;
	if (followed?.node === node && followed.host === host && followed.port === port) return;
	state.followed = {kind: 'follow', host, port, node};
	effects.role = state.followed;
}

function becomeReplica(step: Step, node: ClusterNode, primary: ClusterNode | null): void {
	const {state} = step;
	if (!hasFlag(node, NodeFlags.REPLICA)) {
		// A replica owns nothing: whatever it served goes to whoever claims it with a newer epoch.
		state.releaseSlots(node);
		node.flags = (node.flags & ~NodeFlags.PRIMARY) | NodeFlags.REPLICA;
		node.mayTakeReplica = false;
		step.slotsChanged();
	}
	if (node.primary === primary || node === primary) return;
	state.setPrimary(node, primary);
	step.save();
	step.effects.slotTableDirty = true;
}

/** A shard has one id, and no replica of a replica. */
function learnFromPrimary(step: Step, primary: ClusterNode): void {
	const {myself} = step.state;
	if (myself.shardId !== primary.shardId) {
		myself.shardId = primary.shardId;
		step.save();
	}
	const grandPrimary = primary.primary;
	if (grandPrimary === null || grandPrimary === myself) return;
	step.log(
		'warning',
		`I'm a sub-replica! Reconfiguring myself as a replica of grandmaster ${grandPrimary.id}`,
	);
	followPrimary(step, grandPrimary);
}
