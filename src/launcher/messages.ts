/**
 * Everything that goes between the launcher and its threads: the start data and the messages of a node's worker, as plain
 * objects for the structured clone. The bus itself does not pass here: the launcher only introduces two workers to each
 * other by a MessageChannel, and from then on they talk without it.
 *
 * How a link is made (the `connect()` of our bus):
 *
 *     node A                     launcher                        node B
 *       | bus-connect {7, B} ------> |                             |
 *       |                            | -- bus-accept {port} -----> |
 *       | <- bus-connected {7, port} |                             |
 *       |  ~~~~~~~~~~~~~~~~~ MessageChannel A <-> B ~~~~~~~~~~~~~~ |
 *
 * or `bus-refused` when nobody runs at that address, as a closed TCP port would refuse. `stream-connect` is the same for a
 * replication link, to the port of clients.
 */
import type {MessagePort} from 'node:worker_threads';
import type {LogLevel} from './log-level.ts';

/** How a node reads and writes its client sockets; `auto` takes the fast one where its self-check passes. */
export type TransportChoice = 'auto' | 'handle' | 'socket';

/** Who a node is, for as long as the launcher lives, whatever it is made of. */
export interface NodePlace {
	/** Place in the launcher, from 0: its region in the slot table. Never reused for another address. */
	readonly index: number;
	/** Address to listen on and to announce. */
	readonly host: string;
	/** 1 to 65535. */
	readonly port: number;
	/** What peers and clients are told (`port@busPort`); the bus has no TCP port of its own. */
	readonly busPort: number;
	/** The node's own directory, there already and writable: nodes.conf and data files. */
	readonly directory: string;
	/** redis.conf directives, keys in lower case; a value of several words is one string, as in the file. */
	readonly config: Readonly<Record<string, string>>;
	/** How many nodes the launcher has by now, this one among them. */
	readonly nodeCount: number;
	/** Absolute path of the file that CONFIG REWRITE writes; need not be there yet. Without it CONFIG REWRITE is an error. */
	readonly configFile?: string;
}

/** `workerData` of a node's worker. */
export interface NodeStart extends NodePlace {
	/** One region a node, see node/slot-table.ts; may have more regions than there are nodes now. */
	readonly slotTable: SharedArrayBuffer;
	readonly transport: TransportChoice;
}

/** Launcher to node. */
export type ToNode =
	/** The node at `fromHost:fromBusPort` opened a link to this node. */
	| {
			readonly kind: 'bus-accept';
			readonly port: MessagePort;
			readonly fromIndex: number;
			readonly fromHost: string;
			readonly fromBusPort: number;
	  }
	/** The link that this node asked for under the number `request`. */
	| {readonly kind: 'bus-connected'; readonly request: number; readonly port: MessagePort}
	/** Nobody is at that address, or the one that is has ended. */
	| {readonly kind: 'bus-refused'; readonly request: number}
	/** The node at `fromHost:fromPort` opened a replication link to this node. */
	| {
			readonly kind: 'stream-accept';
			readonly port: MessagePort;
			readonly fromHost: string;
			readonly fromPort: number;
	  }
	/** The replication link that this node asked for under the number `request`. */
	| {readonly kind: 'stream-connected'; readonly request: number; readonly port: MessagePort}
	/** No node of this launcher is at that address, or the one that is has ended: it may be another server's. */
	| {readonly kind: 'stream-refused'; readonly request: number}
	/** Stop accepting, make durable what must be, answer `stopped`, let the thread end. */
	| {readonly kind: 'stop'; readonly reason: string};

/** Node to launcher. */
export type FromNode =
	/** Clients can connect. */
	| {readonly kind: 'listening'; readonly host: string; readonly port: number; readonly nodeId: string}
	/** Opens a link to the bus port of that address; one answer comes, `bus-connected` or `bus-refused`. */
	| {readonly kind: 'bus-connect'; readonly request: number; readonly host: string; readonly busPort: number}
	/** Opens a replication link to the client port of that address; answered by `stream-connected` or `stream-refused`. */
	| {readonly kind: 'stream-connect'; readonly request: number; readonly host: string; readonly port: number}
	/** The node's own `cluster_state` changed (the first one is sent in any case), or how many slots, nodes or replicas it sees. */
	| {
			readonly kind: 'cluster-state';
			readonly ok: boolean;
			readonly assignedCount: number;
			readonly knownNodeCount: number;
			readonly replicaCount: number;
	  }
	/**
	 * What the node is to the data, and of a replica whether it hears its primary: at the start, before the first
	 * `cluster-state`, and at each change. `primaryId` is whom a replica follows, where the node tells it.
	 */
	| {
			readonly kind: 'role';
			readonly role: 'primary' | 'replica';
			readonly linkUp: boolean;
			readonly primaryId?: string;
	  }
	/** The node cannot start; the thread ends after it. `code` is the system's (EADDRINUSE, EACCES ...) or one of ours. */
	| {readonly kind: 'failed'; readonly code: string; readonly message: string}
	| {readonly kind: 'log'; readonly level: LogLevel; readonly text: string}
	/** SHUTDOWN by a client: the node ends by itself, and this is no crash. `stopped` follows. */
	| {readonly kind: 'shutting-down'; readonly by: string}
	/** The last message: files are closed, the thread may end. */
	| {readonly kind: 'stopped'};
