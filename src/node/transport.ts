/**
 * The seam between a node and its TCP connections. Two transports stand behind it: the public `net.Socket`
 * (socket-transport.ts), which works everywhere, and the socket's handle used directly (handle-transport.ts),
 * which saves a quarter of the CPU time a command and is chosen only where its self-check passes.
 * Both pass the same acceptance kit (test/node/transport.test.ts).
 */
import type {Region} from '../lib/region.ts';

export interface ListenAddress {
	readonly host: string;
	/** 0 lets the operating system choose. */
	readonly port: number;
	readonly backlog: number;
}

export interface Listener {
	readonly port: number;
	/** Accepts no more; established links stay. Resolves when the port is free again. */
	close(): Promise<void>;
}

/** What a connection wants to hear of its link. None is called before `accept` returned. */
export interface LinkHandler {
	/**
	 * `length` bytes arrived at the start of `region`. They are the handler's until it returns, no longer. At most one
	 * chunk a turn of the event loop, or two: a peer that sends without end does not keep the others waiting.
	 */
	onData(region: Region, length: number): void;
	/** The peer will send no more; it may still read. */
	onEnd(): void;
	/** Bytes of an earlier `write` that had to wait are now with the kernel. */
	onDrain(): void;
	/** Gone, by whomever; nothing is called after this. Called once. */
	onClose(): void;
}

/** One connection, accepted or made: TCP, or a port between two threads. */
export interface Link {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
	/** `write` copies what it is given: the caller may always write over it. */
	readonly copies: boolean;
	/** Bytes given to `write` that the kernel has not taken yet. */
	readonly queuedBytes: number;
	/**
	 * Sends `bytes[from, to)`. True: the kernel has them and the caller may write over them.
	 * False: they are still read from `bytes`, which must stay as it is until `queuedBytes` is 0 again.
	 */
	write(bytes: Uint8Array, from: number, to: number): boolean;
	/** False: the kernel may gather what is written into fewer packets, and later. */
	setNoDelay(on: boolean): void;
	/** TCP keep-alive probes after so many seconds of silence; 0 turns them off. */
	setKeepAlive(seconds: number): void;
	/** Closes after what was written has been sent. */
	end(): void;
	/** Closes at once; what waits is dropped. */
	destroy(): void;
}

export interface Transport {
	readonly name: 'handle' | 'socket';
	/** Rejects with the system's error (`code` EADDRINUSE, EACCES, ...) when the address cannot be had. */
	listen(address: ListenAddress, accept: (link: Link) => LinkHandler): Promise<Listener>;
}
