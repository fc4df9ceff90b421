/**
 * What the server knows about one connected client, apart from its socket. Plain mutable state: the commands write it, the
 * executor and the connection read it on the hot path, so every field is there from the start and keeps its type.
 */
import type {ReplicaRecord} from '../replication/primary.ts';
import type {Block} from './services.ts';

/** What a command may ask of the connection behind a client. */
export interface ClientConnection {
	/** File descriptor, or -1 where the transport hides it. Only shown by CLIENT LIST. */
	readonly fd: number;
	/** Bytes read but not yet run (a command cut by the end of a chunk). */
	readonly pendingInputBytes: number;
	/** Capacity of the buffer that holds them; 0 when there is none. */
	readonly inputBufferBytes: number;
	/** Bytes of replies that the kernel has not taken yet. */
	readonly pendingOutputBytes: number;
	/** Number of separate buffers those bytes stand in. */
	readonly pendingOutputBuffers: number;
	/** Closes at once, unsent replies are dropped. The client leaves `Clients` before this returns. May be called twice. */
	close(): void;
	/** Runs no further command, sends what was replied so far (the running command's reply included), then closes. */
	closeAfterReplies(): void;
	/** Sends bytes that are no reply to a command (MONITOR lines, push messages), behind the replies written so far. */
	push(bytes: Uint8Array): void;
	/** Runs the commands that were held back while clients were paused or this one was blocked. */
	resume(): void;
	/** Sends `bytes[from, to)` behind all that was sent, past the turn's output. They are the caller's again when it returns. */
	feed(bytes: Uint8Array, from: number, to: number): void;
	/** So many bytes wait elsewhere for this client: they count as output of its own that is not taken yet. */
	setHeldBytes(bytes: number): void;
	/** See the transport's link. */
	setNoDelay(on: boolean): void;
}

/** Of a client that nobody stands behind. */
export const NO_CONNECTION: ClientConnection = {
	fd: -1,
	pendingInputBytes: 0,
	inputBufferBytes: 0,
	pendingOutputBytes: 0,
	pendingOutputBuffers: 0,
	close: () => undefined,
	closeAfterReplies: () => undefined,
	push: () => undefined,
	resume: () => undefined,
	feed: () => undefined,
	setHeldBytes: () => undefined,
	setNoDelay: () => undefined,
};

/** `skip` drops the reply of the running command, `skip-next` becomes `skip` with the next one. */
export type ReplyMode = 'on' | 'off' | 'skip' | 'skip-next';

/** As in `CLIENT KILL TYPE`. */
export type ClientType = 'normal' | 'master' | 'replica' | 'pubsub';

export class Client {
	/** Counts up from 1 over the life of the node, never reused. */
	readonly id: number;
	/** `ip:port` of the peer, `[ip6]:port` for IPv6. */
	readonly address: string;
	/** `ip:port` that the peer connected to. */
	readonly localAddress: string;
	readonly connection: ClientConnection;
	/** Unix time in ms. */
	readonly createdAtMs: number;

	/** Set by CLIENT SETNAME; printable ASCII without spaces. */
	name = '';
	/** Set by CLIENT SETINFO. */
	libName = '';
	libVersion = '';
	databaseIndex = 0;
	protocol: 2 | 3 = 2;
	/** False: only AUTH, HELLO, QUIT and RESET are run. */
	authenticated = true;
	user = 'default';
	replyMode: ReplyMode = 'on';

	/** READONLY was sent: a replica may serve reads of its primary's slots. */
	readonlyMode = false;
	/** ASKING was sent; the executor clears it after the next command. */
	asking = false;
	noEvict = false;
	noTouch = false;
	/** MONITOR was sent. */
	monitor = false;
	/** What REPLCONF and PSYNC made of it; null of a client that is no replica. */
	replica: ReplicaRecord | null = null;
	/** The primary that this node follows: what it sends is applied, whatever it is. */
	isPrimary = false;
	/** What holds it, while a command of its waits for something to happen. */
	block: Block | null = null;
	/** Position in the command stream behind the last command of its that could write; 0: there was none. */
	writtenUpTo = 0;
	/** The next command is not run: the connection closes when its replies are out. */
	closeAfterReply = false;
	/** The first command waits for the end of CLIENT PAUSE. */
	postponed = false;

	/** Unix time in ms of the last sign of life: bytes that arrived, or that the client took. The node writes it. */
	lastInteractionAtMs: number;
	/** Full name (`client|list`) of the last command that was looked up; the executor writes it. */
	lastCommand = 'NULL';
	/** Commands run. */
	commandCount = 0;
	/** Bytes of the running command's arguments. */
	argumentBytes = 0;
	/** Unix time in ms since when the soft output buffer limit is exceeded, 0 when it is not. */
	softLimitSinceMs = 0;

	constructor(
		id: number,
		connection: ClientConnection,
		address: string,
		localAddress: string,
		nowMs: number,
	) {
		this.id = id;
		this.connection = connection;
		this.address = address;
		this.localAddress = localAddress;
		this.createdAtMs = nowMs;
		this.lastInteractionAtMs = nowMs;
	}
}

/** It has sent PSYNC or SYNC: what it is sent is the replication stream. */
export function isReplica({replica}: Client): boolean {
	return replica !== null && replica.phase !== 'handshake';
}

/** The class whose output buffer limit applies, and that CLIENT LIST TYPE and CLIENT KILL TYPE select. */
export function clientType(client: Client): ClientType {
	if (client.isPrimary) return 'master';
	return isReplica(client) ? 'replica' : 'normal';
}
