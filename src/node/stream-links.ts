/**
 * How a replication link is had: from the launcher, where the address is a node of the same process, else by TCP. Also the
 * other way: links that other nodes opened to this one.
 *
 * A link that the launcher refuses is tried over TCP: there a dead node of ours refuses by itself, and another server answers.
 */
import type {FromNode, ToNode} from '../launcher/messages.ts';
import {type DialHandlers, dialTcp} from './dial-tcp.ts';
import {openPortLink} from './port-link.ts';
import type {Link, LinkHandler} from './transport.ts';

export type StreamRequest = Extract<FromNode, {kind: 'stream-connect'}>;
export type StreamAnswer = Extract<ToNode, {kind: 'stream-accept' | 'stream-connected' | 'stream-refused'}>;

export interface StreamLinksOptions {
	readonly host: string;
	readonly port: number;
	/** Posts to the launcher, which answers by `answered`. */
	readonly ask: (request: StreamRequest) => void;
	/** A node of this process connects. */
	readonly accept: (link: Link) => LinkHandler;
}

interface Dial {
	readonly host: string;
	readonly port: number;
	readonly handlers: DialHandlers;
	/** Once TCP is tried. */
	stopTcp: (() => void) | null;
}

export class StreamLinks {
	readonly #options: StreamLinksOptions;
	readonly #dials = new Map<number, Dial>();
	#lastRequest = 0;

	constructor(options: StreamLinksOptions) {
		this.#options = options;
	}

	/** One of the handlers is called, later, unless the returned function is called before. */
	dial(host: string, port: number, handlers: DialHandlers): () => void {
		const request = ++this.#lastRequest;
		this.#dials.set(request, {host, port, handlers, stopTcp: null});
		this.#options.ask({kind: 'stream-connect', request, host, port});
		return () => {
			this.#dials.get(request)?.stopTcp?.();
			this.#dials.delete(request);
		};
	}

	/** The launcher's word on links. */
	answered(answer: StreamAnswer): void {
		const {host: localAddress, port: localPort, accept} = this.#options;
		switch (answer.kind) {
			case 'stream-accept': {
				const {fromHost, fromPort, port} = answer;
				openPortLink(port, {remoteAddress: fromHost, remotePort: fromPort, localAddress, localPort}, accept);
				return;
			}
			case 'stream-connected': {
				const dial = this.#dials.get(answer.request);
				// It may have been given up while the launcher was busy.
				if (!this.#dials.delete(answer.request) || dial === undefined) {
					answer.port.close();
					return;
				}
				const {host: remoteAddress, port: remotePort, handlers} = dial;
				openPortLink(answer.port, {remoteAddress, remotePort, localAddress, localPort}, (link) =>
					handlers.opened(link),
				);
				return;
			}
			case 'stream-refused':
				this.#dialTcp(answer.request);
		}
	}

	#dialTcp(request: number): void {
		const dial = this.#dials.get(request);
		if (dial === undefined) return;
		const {host, port, handlers} = dial;
		dial.stopTcp = dialTcp(host, port, {
			opened: (link) => {
				this.#dials.delete(request);
				return handlers.opened(link);
			},
			failed: (reason) => {
				this.#dials.delete(request);
				handlers.failed(reason);
			},
		});
	}
}
