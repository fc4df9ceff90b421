/**
 * Messages of Publish/Subscribe over the bus. Chapter: Cluster Specification, "Publish/Subscribe". A message goes to every node,
 * one of a sharded channel to the nodes of the shard only.
 */
import {makeHeader} from './header.ts';
import {broadcast, sendOn} from './links.ts';
import type {PublishMessage} from './messages.ts';
import {type ClusterNode, primaryOf} from './state.ts';
import type {Step} from './step.ts';

export function publish(step: Step, channel: Uint8Array, message: Uint8Array, isSharded: boolean): void {
	const header = makeHeader(step);
	if (!isSharded) {
		broadcast(step, {type: 'publish', header, channel, message});
		return;
	}
	const {myself, nodes} = step.state;
	const primary = primaryOf(myself) ?? myself;
	for (const node of nodes.values()) {
		if (node === myself || node.outbound === null || (node !== primary && primaryOf(node) !== primary))
			continue;
		sendOn(step, node.outbound, {type: 'publishshard', header, channel, message});
	}
}

/** Whom nobody here knows is not listened to. */
export function receivePublish(
	step: Step,
	sender: ClusterNode | null,
	{type, channel, message}: PublishMessage<'publish'> | PublishMessage<'publishshard'>,
): void {
	if (sender === null) return;
	step.effects.events.push({kind: 'published', channel, message, isSharded: type === 'publishshard'});
}
