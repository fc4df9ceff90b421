/** The replication of a node that nobody follows and that follows nobody, for tests of what has nothing to do with it. */
import type {ReplicationService} from '../../src/commands/replication-service.ts';
import {ReplicationHistory} from '../../src/replication/history.ts';

const unexpected = (): never => {
	throw new Error('this node is alone');
};

export const loneReplication: ReplicationService = {
	isReplica: false,
	hasRules: false,
	refusal: () => null,
	wroteLocally: unexpected,
	lacksDisk: unexpected,
	expireLocal: () => undefined,
	history: new ReplicationHistory('1'.repeat(40), 1024 * 1024),
	primary: null,
	followers: () => [],
	goodFollowerCount: 0,
	psync: unexpected,
	sync: unexpected,
	acknowledged: () => undefined,
	acknowledge: () => undefined,
	follow: unexpected,
	lead: () => undefined,
	failoverState: 'no-failover',
	failover: unexpected,
	abortFailover: unexpected,
	acknowledgedCount: () => 0,
	wait: unexpected,
	durability: () => ({local: 0, replicas: 0}),
	waitDurable: unexpected,
};
