/**
 * What stands behind a client whose commands come from another server's stream: they run whatever happens, and nobody hears the
 * replies. The link that the stream comes by tells its figures and ends.
 */
import {type ClientConnection, NO_CONNECTION} from '../commands/client.ts';
import type {StreamApplier} from './stream-applier.ts';
import type {Link} from './transport.ts';

export interface StreamConnectionParts {
	readonly link: Link;
	/** Null before there is a stream. */
	readonly applier: () => StreamApplier | null;
	/** An operator ends it. */
	readonly close: () => void;
}

export function streamConnection({link, applier, close}: StreamConnectionParts): ClientConnection {
	return {
		...NO_CONNECTION,
		get pendingInputBytes() {
			return applier()?.pendingBytes ?? 0;
		},
		get pendingOutputBytes() {
			return link.queuedBytes;
		},
		close,
		closeAfterReplies: close,
	};
}
