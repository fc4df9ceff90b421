/** One client as CLIENT LIST and CLIENT INFO print it. */
import {type Client, isReplica} from './client.ts';

/** What a client costs beside its buffers, in bytes: its state and its socket's. Measured, rounded up. */
const CLIENT_BYTES = 2048;

/** Bytes that the client holds: buffers, arguments and its own state. */
export function clientMemoryBytes(client: Client): number {
	const {argumentBytes, connection} = client;
	return (
		CLIENT_BYTES +
		connection.inputBufferBytes +
		connection.pendingOutputBytes +
		argumentBytes +
		transactionBytes(client)
	);
}

/** Of these, what it queued behind MULTI and watches. */
const transactionBytes = ({transaction, watchedBytes}: Client): number =>
	watchedBytes + (transaction === null ? 0 : transaction.memoryBytes);

/** Without the line's end. */
export function clientLine(client: Client, nowMs: number): string {
	const {connection} = client;
	const fields: readonly (readonly [string, string | number])[] = [
		['id', client.id],
		['addr', client.address],
		['laddr', client.localAddress],
		['fd', connection.fd],
		['name', client.name],
		['age', seconds(nowMs - client.createdAtMs)],
		['idle', seconds(nowMs - client.lastInteractionAtMs)],
		['flags', flags(client)],
		['db', client.databaseIndex],
		['sub', client.subscriptions?.channels.size ?? 0],
		['psub', client.subscriptions?.patterns.size ?? 0],
		['ssub', client.subscriptions?.shardChannels.size ?? 0],
		['multi', client.transaction === null ? -1 : client.transaction.count],
		['qbuf', connection.pendingInputBytes],
		['qbuf-free', Math.max(0, connection.inputBufferBytes - connection.pendingInputBytes)],
		['argv-mem', client.argumentBytes],
		['multi-mem', transactionBytes(client)],
		// Replies of all clients go through one shared buffer; what a client holds by itself is its list of unsent ones.
		['rbs', 0],
		['rbp', 0],
		['obl', 0],
		['oll', connection.pendingOutputBuffers],
		['omem', connection.pendingOutputBytes],
		['tot-mem', clientMemoryBytes(client)],
		['events', connection.pendingOutputBytes > 0 ? 'rw' : 'r'],
		['cmd', client.lastCommand],
		['user', client.user],
		['redir', -1],
		['resp', client.protocol],
		['lib-name', client.libName],
		['lib-ver', client.libVersion],
	];
	return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}

const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000));

function flags(client: Client): string {
	const set =
		(client.monitor ? 'O' : isReplica(client) ? 'S' : '') +
		(client.isPrimary ? 'M' : '') +
		(client.subscriptions !== null ? 'P' : '') +
		(client.transaction !== null ? 'x' : '') +
		(client.postponed || client.block !== null ? 'b' : '') +
		(client.isTouched ? 'd' : '') +
		(client.closeAfterReply ? 'c' : '') +
		(client.readonlyMode ? 'r' : '') +
		(client.noEvict ? 'e' : '') +
		(client.noTouch ? 'T' : '');
	return set === '' ? 'N' : set;
}
