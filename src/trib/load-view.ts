/** Asks nodes what they see and makes a view of it. Only reads. */

import {RespError, type Reply} from '../resp/reply-parser.ts';
import {AuthenticationError, ConnectionError, connectionComplaint} from './client.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import type {Endpoint} from './messages.ts';
import {ownLine, parseNodesText, type NodeLine} from './nodes-text.ts';
import {nodeView, type ClusterView, type NodeView} from './view.ts';

/** A node that cannot be used for what was asked. The message is the line for it, of redis-cli where it has one. */
export class NodeError extends Error {
	override readonly name = 'NodeError';
	/** Whether the line is about the run and belongs on standard error, as redis-cli prints it. */
	readonly isComplaint: boolean;

	constructor(message: string, isComplaint = false) {
		super(message);
		this.isComplaint = isComplaint;
	}
}

/** What `create` has to know of a node before it uses it. */
export interface Candidate extends NodeView {
	/** It knows no other node and holds no key. */
	readonly isEmpty: boolean;
}

/**
 * Asks one node for itself. @throws {NodeError} when it cannot be reached, refuses the credentials or is no cluster node
 */
export async function loadCandidate(connections: Connections, endpoint: Endpoint): Promise<Candidate> {
	const connection = await orNodeError(connections.to(endpoint));
	const [server, keyspace, nodes] = await orNodeError(
		Promise.all([
			connection.call('INFO', 'cluster'),
			connection.call('INFO', 'keyspace'),
			connection.call('CLUSTER', 'NODES'),
		]),
	);
	requireClusterMode(endpoint, server);
	const {self, lines} = readLines(endpoint, nodes);
	const hasKeys = typeof keyspace === 'string' && /^db0:/m.test(keyspace);
	return {...nodeView(endpoint, self, lines), isEmpty: lines.length === 1 && !hasKeys};
}

/** @throws {NodeError} in the words of redis-cli */
export function requireEmpty({isEmpty, endpoint}: Candidate): void {
	if (isEmpty) return;
	throw new NodeError(
		`[ERR] Node ${formatEndpoint(endpoint)} is not empty. Either the node already knows other nodes (check with ` +
			'CLUSTER NODES) or contains some key in database 0.',
	);
}

/**
 * The whole cluster that `endpoint` belongs to: asks it, and then every node that it knows.
 * @param complain gets a line for each node that did not answer
 * @throws {NodeError} when the first node is of no use; other nodes may be
 */
export async function loadView(
	connections: Connections,
	endpoint: Endpoint,
	complain: (line: string) => void,
): Promise<ClusterView> {
	const first = await loadNode(connections, endpoint, true);
	const others = first.lines.filter((line) => line.id !== first.self.id);
	const answers = await Promise.all(others.map((line) => loadOther(connections, line)));

	const nodes = [first];
	const unreachable: NodeLine[] = [];
	for (const [i, answer] of answers.entries()) {
		if (answer.complaint !== null) complain(answer.complaint);
		const {node} = answer;
		if (node === null) unreachable.push(others[i]!);
		// A node in handshake stands in the list a second time, under an invented id.
		else if (!nodes.some(({self}) => self.id === node.self.id)) nodes.push(node);
	}
	return {nodes, unreachable};
}

/** @throws {NodeError} */
async function loadNode(connections: Connections, endpoint: Endpoint, isFirst: boolean): Promise<NodeView> {
	const connection = await orNodeError(connections.to(endpoint));
	const [server, nodes, keyCount] = await orNodeError(
		Promise.all([
			isFirst ? connection.call('INFO', 'cluster') : null,
			connection.call('CLUSTER', 'NODES'),
			connection.call('DBSIZE'),
		]),
	);
	if (isFirst) requireClusterMode(endpoint, server);
	const {self, lines} = readLines(endpoint, nodes);
	return nodeView(endpoint, self, lines, typeof keyCount === 'number' ? keyCount : null);
}

/** A node that another one named. One that is held for failed is not used even when it answers, as redis-cli does. */
async function loadOther(
	connections: Connections,
	line: NodeLine,
): Promise<{readonly node: NodeView | null; readonly complaint: string | null}> {
	if (line.port === 0 || line.host === '') return {node: null, complaint: null};
	try {
		const node = await loadNode(connections, {host: line.host, port: line.port}, false);
		const isOut = line.flags.includes('fail') || line.flags.includes('noaddr');
		return {node: isOut ? null : node, complaint: null};
	} catch (error) {
		if (!(error instanceof NodeError)) throw error;
		return {node: null, complaint: error.message};
	}
}

function requireClusterMode(endpoint: Endpoint, info: Reply): void {
	const where = formatEndpoint(endpoint);
	if (info instanceof RespError) throw new NodeError(`[ERR] Node ${where} ${info.message}`);
	if (typeof info !== 'string' || !/^cluster_enabled:1\r?$/m.test(info)) {
		throw new NodeError(`[ERR] Node ${where} is not configured as a cluster node.`);
	}
}

function readLines(endpoint: Endpoint, reply: Reply): {self: NodeLine; lines: NodeLine[]} {
	if (reply instanceof RespError) {
		throw new NodeError(`Node ${formatEndpoint(endpoint)} replied with error:\n${reply.message}`);
	}
	const lines = typeof reply === 'string' ? parseNodesText(reply) : [];
	const self = ownLine(lines);
	if (self === null) throw new NodeError('Error: invalid CLUSTER NODES reply', true);
	return {self, lines};
}

/** Turns what a connection throws into the line for it. */
async function orNodeError<T>(work: Promise<T>): Promise<T> {
	try {
		return await work;
	} catch (error) {
		if (error instanceof AuthenticationError) {
			throw new NodeError(`Node ${formatEndpoint(error.endpoint)} replied with error:\n${error.message}`);
		}
		if (error instanceof ConnectionError) throw new NodeError(connectionComplaint(error), true);
		throw error;
	}
}
