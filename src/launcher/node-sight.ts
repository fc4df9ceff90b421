/** What a server says of itself and of its cluster, asked over its client port as anybody can: one look at one node. */
import {RespError, type Reply} from '../resp/reply-parser.ts';
import type {NodeConnection} from '../trib/client.ts';
import {isReplica, ownLine, parseNodesText, type NodeLine} from '../trib/nodes-text.ts';
import type {ClusterOpinion, DataRole} from './node-handle.ts';

export interface NodeSight {
	/** Empty of a server that is no node of a cluster. */
	readonly nodeId: string;
	/** Null of a server that is no node of a cluster. */
	readonly opinion: ClusterOpinion | null;
	readonly role: DataRole;
	/** All nodes that it knows, itself included. */
	readonly lines: readonly NodeLine[];
}

/** The node answers, but will not say; `isPassing`: it loads its files, ask again. */
export class Unwilling extends Error {
	readonly isPassing: boolean;

	constructor(message: string, isPassing: boolean) {
		super(message);
		this.isPassing = isPassing;
	}
}

/** @throws Unwilling @throws ConnectionError */
export async function lookAt(connection: NodeConnection): Promise<NodeSight> {
	const [replication, info, nodes] = await Promise.all([
		connection.call('INFO', 'replication'),
		connection.call('CLUSTER', 'INFO'),
		connection.call('CLUSTER', 'NODES'),
	]);
	const lines = isNoCluster(nodes) ? [] : parseNodesText(textOf(nodes));
	const self = ownLine(lines);
	return {
		nodeId: self?.id ?? '',
		opinion: isNoCluster(info) ? null : opinionIn(fieldsOf(info), lines),
		role: roleIn(fieldsOf(replication), self?.primaryId ?? null),
		lines,
	};
}

const isNoCluster = (reply: Reply): boolean =>
	reply instanceof RespError && /cluster support disabled/i.test(reply.message);

function textOf(reply: Reply): string {
	if (typeof reply === 'string') return reply;
	if (!(reply instanceof RespError)) throw new Unwilling('it answers something else than text', false);
	throw new Unwilling(reply.message, reply.code === 'LOADING' || reply.code === 'BUSY');
}

/** `name:value`, one a line. */
function fieldsOf(reply: Reply): ReadonlyMap<string, string> {
	return new Map(
		[...textOf(reply).matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]),
	);
}

function opinionIn(fields: ReadonlyMap<string, string>, lines: readonly NodeLine[]): ClusterOpinion {
	return {
		ok: fields.get('cluster_state') === 'ok',
		assignedCount: Number(fields.get('cluster_slots_assigned') ?? 0),
		knownNodeCount: Number(fields.get('cluster_known_nodes') ?? 1),
		replicaCount: lines.filter(isReplica).length,
	};
}

function roleIn(fields: ReadonlyMap<string, string>, primaryId: string | null): DataRole {
	if (fields.get('role') !== 'slave') return {role: 'primary', linkUp: false};
	const linkUp = fields.get('master_link_status') === 'up';
	return {role: 'replica', linkUp, ...(primaryId === null ? {} : {primaryId})};
}
