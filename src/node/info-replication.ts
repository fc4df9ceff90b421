/** The replication section of INFO. */
import type {FollowerFacts, PrimaryFacts, ReplicationService} from '../commands/replication-service.ts';
import type {Settings} from '../commands/settings.ts';

type Lines = (readonly [name: string, value: string | number])[];

export function replicationLines(replication: ReplicationService, settings: Settings): Lines {
	const {history, primary} = replication;
	const {backlog} = history;
	const followers = replication.followers();
	const countsGood = settings.minReplicasToWrite > 0 && settings.minReplicasMaxLagSeconds > 0;
	return [
		['role', primary === null ? 'master' : 'slave'],
		...(primary === null ? [] : primaryLines(primary, history.offset, settings)),
		['connected_slaves', followers.length],
		...(countsGood ? ([['min_slaves_good_slaves', replication.goodFollowerCount]] as const) : []),
		...followers.map(followerLine),
		['master_failover_state', replication.failoverState],
		['master_replid', history.id],
		['master_replid2', history.secondId],
		['master_repl_offset', history.offset],
		['second_repl_offset', history.secondOffset],
		['repl_backlog_active', backlog === null ? 0 : 1],
		['repl_backlog_size', settings.replicationBacklogBytes],
		['repl_backlog_first_byte_offset', backlog === null ? 0 : backlog.startOffset + 1],
		['repl_backlog_histlen', backlog?.length ?? 0],
	];
}

function primaryLines(primary: PrimaryFacts, offset: number, settings: Settings): Lines {
	const {sync} = primary;
	const isUp = primary.state === 'connected';
	return [
		['master_host', primary.host],
		['master_port', primary.port],
		['master_link_status', isUp ? 'up' : 'down'],
		['master_last_io_seconds_ago', primary.lastHeardSecondsAgo],
		['master_sync_in_progress', primary.state === 'sync' ? 1 : 0],
		['slave_read_repl_offset', primary.readOffset],
		['slave_repl_offset', offset],
		...(sync === null
			? []
			: ([
					['master_sync_total_bytes', Math.max(0, sync.totalBytes)],
					['master_sync_read_bytes', sync.readBytes],
					[
						'master_sync_left_bytes',
						sync.totalBytes < 0 ? -sync.readBytes : sync.totalBytes - sync.readBytes,
					],
					[
						'master_sync_perc',
						(sync.totalBytes <= 0 ? 0 : (100 * sync.readBytes) / sync.totalBytes).toFixed(2),
					],
					['master_sync_last_io_seconds_ago', sync.lastHeardSecondsAgo],
				] as const)),
		...(isUp ? [] : ([['master_link_down_since_seconds', primary.downForSeconds]] as const)),
		['slave_priority', settings.replicaPriority],
		['slave_read_only', settings.replicaReadOnly ? 1 : 0],
		['replica_announced', settings.replicaAnnounced ? 1 : 0],
	];
}

const followerLine = (
	{host, port, state, offset, lagSeconds}: FollowerFacts,
	index: number,
): readonly [string, string] => [
	`slave${index}`,
	`ip=${host},port=${port},state=${state},offset=${offset},lag=${lagSeconds}`,
];
