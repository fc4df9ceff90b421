/** Connections that this node opens to other servers by TCP. */
import {connect} from 'node:net';
import {attachSocket} from './socket-transport.ts';
import type {Link, LinkHandler} from './transport.ts';

export interface DialHandlers {
	/** The link is there. */
	opened(link: Link): LinkHandler;
	/** There is none; the system's reason. */
	failed(reason: string): void;
}

/** One of the handlers is called, later, unless the returned function is called before. */
export function dialTcp(host: string, port: number, handlers: DialHandlers): () => void {
	const socket = connect({host, port, noDelay: true});
	const onError = (error: Error): void => {
		handlers.failed(error.message);
	};
	socket.once('error', onError);
	socket.once('connect', () => {
		socket.off('error', onError);
		attachSocket(socket, (link) => handlers.opened(link));
	});
	return () => {
		socket.off('error', onError);
		// An error on the way down is nobody's any more.
		socket.on('error', () => undefined);
		socket.destroy();
	};
}
