/** A core that restored the nodes.conf of a redis-server 7.0.15 cluster: three primaries, one replica, an open slot. */

import {ClusterCore} from '../../src/cluster/core.ts';
import {type ClusterConfig, defaultClusterConfig} from '../../src/cluster/config.ts';
import {parseNodesConf} from '../../src/cluster/nodes-conf.ts';
import {Prng} from '../../src/lib/prng.ts';
import {dataFacts} from './data-facts.ts';

export const A = 'f7f147ba54683d0a5a635a3ca8b0a04e6d9ff3a5';
export const B = '7a04a272299f9ee7b7a60728ab85899b48b876f2';
export const C = '75b3a71c6031141df0e7a0feec46eb3e2b1aeda2';
export const REPLICA_OF_B = 'ff1d63a41c5e04797689d9f1b1a3b244ef4ed82c';

export const NODES_CONF = `\
${C} 127.0.0.1:21723@31723,h21723.example master - 0 1795425125244 3 connected 10923-16383
${A} 127.0.0.1:21721@31721,h21721.example myself,master - 0 1795425124000 1 connected 0-5460 [5->-${B}]
${REPLICA_OF_B} 127.0.0.1:21724@31724,h21724.example slave ${B} 0 1795425125244 2 connected
${B} 127.0.0.1:21722@31722,h21722.example master - 0 1795425125244 2 connected 5461-10922
vars currentEpoch 3 lastVoteEpoch 0
`;

export const NOW = 1_795_425_200_000;

export function restoredCore(
	text = NODES_CONF,
	config: Partial<ClusterConfig> = {},
	keys: ReadonlyMap<number, number> = new Map(),
): ClusterCore {
	return new ClusterCore({
		host: '127.0.0.1',
		port: 21721,
		busPort: 31721,
		config: {...defaultClusterConfig(), announceHostname: 'h21721.example', ...config},
		random: new Prng(1),
		data: dataFacts(keys),
		now: NOW,
		restored: parseNodesConf(text),
	});
}
