/**
 * Keys on their way to another server, as MIGRATE and the executor see them. Implemented by src/node/migrations.ts.
 *
 * A key is under way from the moment its value was read for the target until the target's answer is acted upon. Nobody may
 * see or change it meanwhile: the executor holds back whoever names it.
 */
import type {Request} from '../resp/request.ts';
import type {Client} from './client.ts';

/** What MIGRATE asks for, when there is something to send. */
export interface Migration {
	readonly host: string;
	/** Null: no TCP port can be had by what was given. */
	readonly port: number | null;
	/** Of this node. */
	readonly databaseIndex: number;
	/** Of the target. */
	readonly targetDatabase: number | bigint;
	/** The target may be silent for so long; above 0. */
	readonly timeoutMs: number;
	/** The keys stay here. */
	readonly copy: boolean;
	/** Arguments of AUTH; null: it is not sent. */
	readonly credentials: readonly string[] | null;
	/** Those that exist, in the order of their RESTORE in `packet`. */
	readonly keys: readonly Uint8Array[];
	/** A RESTORE for each key, as it goes over the wire. */
	readonly packet: Uint8Array;
}

export interface MigrationService {
	/** Whether any key is under way; one read for each command. */
	readonly isBusy: boolean;
	/** Whether the argument of the request is a key under way. Of which database does not matter. */
	isUnderWay(request: Request, index: number): boolean;
	/** The client's command did not run: its connection's `resume` is called when a key under way is free. */
	hold(client: Client): void;
	/** Sends the keys; the client waits for the reply. */
	begin(client: Client, migration: Migration): void;
}

/** For commands that run where nothing moves. */
export const NO_MIGRATION: MigrationService = {
	isBusy: false,
	isUnderWay: () => false,
	hold: () => undefined,
	begin: () => undefined,
};
