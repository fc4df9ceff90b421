/**
 * Who is a primary and who replicates whom, as nodes say it of themselves.
 * Chapter: Cluster Specification, "Heartbeat packet content", "Cluster node attributes".
 */

import type {Header} from './messages.ts';
import {type ClusterNode, hasFlag, isPrimary, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** Takes over the role, name and shard that a packet's sender gives itself. */
export function learnRole(step: Step, sender: ClusterNode, header: Header): void {
	sender.replicationOffset = header.replicationOffset;
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
}

export function becomePrimary(step: Step, node: ClusterNode): void {
	step.state.setPrimary(node, null);
	node.flags = (node.flags & ~NodeFlags.REPLICA) | NodeFlags.PRIMARY;
	step.slotsChanged();
}

function becomeReplica(step: Step, node: ClusterNode, primary: ClusterNode | null): void {
	const {state} = step;
	if (!hasFlag(node, NodeFlags.REPLICA)) {
		// A replica owns nothing: whatever it served goes to whoever claims it with a newer epoch.
		state.releaseSlots(node);
		node.flags = (node.flags & ~NodeFlags.PRIMARY) | NodeFlags.REPLICA;
		step.slotsChanged();
	}
	if (node.primary === primary || node === primary) return;
	state.setPrimary(node, primary);
	step.save();
}
