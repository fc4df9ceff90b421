/**
 * What a handler may touch: the caller, its database, the reply, the node's services. No sockets, no timers.
 */

import type {Keyspace} from '../data/keyspace.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import type {Client} from './client.ts';
import type {Services} from './services.ts';

/** One a node, reused for every command: the executor sets `db` and `client` before each. */
export interface Context {
	/** Where the reply goes; `reply.protocol` is the caller's. */
	readonly reply: ReplyWriter;
	/** The command as it stands in the read buffer; its views are valid until the handler returns. */
	readonly request: Request;
	/** The database that the caller selected. `db.now` is the clock of the turn. */
	db: Keyspace;
	client: Client;
	readonly services: Services;
}
