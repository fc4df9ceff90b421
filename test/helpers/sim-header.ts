/** What a simulated node would say of itself now, or something else. */

import type {Header} from '../../src/cluster/messages.ts';
import {isPrimary} from '../../src/cluster/state.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';

export function headerOf({core, data, host, port, busPort}: SimNode, changes: Partial<Header> = {}): Header {
	const {view} = core;
	const {myself} = view;
	const primary = isPrimary(myself) ? myself : (myself.primary ?? myself);
	return {
		sender: myself.id,
		sequence: 0,
		flags: myself.flags,
		currentEpoch: view.currentEpoch,
		configEpoch: primary.configEpoch,
		replicationOffset: data.replicationOffset(),
		slots: view.slotsOf(primary),
		primary: myself.primary?.id ?? null,
		host,
		port,
		busPort,
		hostname: '',
		shardId: myself.shardId,
		ok: true,
		pausedFor: null,
		...changes,
	};
}
