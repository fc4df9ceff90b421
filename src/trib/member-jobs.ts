// Jobs of the manager that change who belongs to a cluster, mend it, or reach all of its nodes: their options and reports.
// As everything in `messages.ts`, plain objects for structured clone.

import type {AddNodeReport} from './add-node.ts';
import type {BackupReport} from './backup.ts';
import type {CallReport} from './call.ts';
import type {DelNodeReport} from './del-node.ts';
import type {FixReport} from './fix.ts';
import type {ImportReport} from './import.ts';
import type {Credentials, Endpoint, OutputOptions} from './messages.ts';
import type {SetTimeoutReport} from './set-timeout.ts';

/** What all of these jobs take. */
export interface MemberOptions extends OutputOptions {
	/** Any node of the cluster. */
	readonly node: Endpoint;
	/** Print what would be done and change nothing. */
	readonly dryRun?: boolean;
	readonly credentials?: Credentials;
}

/** `trib add-node`. */
export interface AddNodeOptions extends MemberOptions {
	/** The empty node that shall join. */
	readonly newNode: Endpoint;
	/** It becomes a replica, of the primary with the fewest unless `primary` names one. */
	readonly asReplica?: boolean;
	/** Id or `host:port` of the primary to replicate; implies `asReplica`. */
	readonly primary?: string;
	/** How long the nodes may take to agree, 60 seconds unless given. */
	readonly joinTimeoutMs?: number;
}

/** `trib del-node`. */
export interface DelNodeOptions extends MemberOptions {
	/** Id or `host:port` of the node that shall leave. */
	readonly target: string;
	/** SHUTDOWN instead of CLUSTER RESET SOFT, as redis-trib.rb did. */
	readonly shutdown?: boolean;
	/** Make the others forget a node that does not answer. */
	readonly force?: boolean;
}

/** `trib fix`. */
export interface FixOptions extends MemberOptions {
	/** Accept every repair without asking. */
	readonly yes?: boolean;
	/** Also mend slots that several nodes serve or hold keys of. */
	readonly searchMultipleOwners?: boolean;
	/** Give slots of primaries that do not answer to others. Their keys are lost unless the primaries come back. */
	readonly withUnreachablePrimaries?: boolean;
	/** Where a key is on both nodes with different values, keep the one that is moved. */
	readonly replace?: boolean;
	/** For each MIGRATE, 60 seconds unless given. */
	readonly timeoutMs?: number;
	/** Keys for each MIGRATE, 10 unless given. */
	readonly pipeline?: number;
}

/** `trib call`. */
export interface CallOptions extends MemberOptions {
	readonly words: readonly string[];
	readonly only?: 'primaries' | 'replicas';
}

/** `trib set-timeout`. */
export interface SetTimeoutOptions extends MemberOptions {
	readonly timeoutMs: number;
}

/** `trib import`. */
export interface ImportOptions extends MemberOptions {
	/** A server that is no cluster node; its database 0 is read. */
	readonly from: Endpoint;
	readonly fromCredentials?: Credentials;
	/** Leave the keys where they are, too. */
	readonly copy?: boolean;
	/** Overwrite keys that the cluster has. */
	readonly replace?: boolean;
	/** For each MIGRATE, 60 seconds unless given. */
	readonly timeoutMs?: number;
}

/** `trib backup`. */
export interface BackupOptions extends MemberOptions {
	/** An absolute path; made when it does not exist. */
	readonly directory: string;
}

export type MembersJob =
	| {readonly command: 'add-node'; readonly options: AddNodeOptions}
	| {readonly command: 'del-node'; readonly options: DelNodeOptions}
	| {readonly command: 'fix'; readonly options: FixOptions}
	| {readonly command: 'call'; readonly options: CallOptions}
	| {readonly command: 'set-timeout'; readonly options: SetTimeoutOptions}
	| {readonly command: 'import'; readonly options: ImportOptions}
	| {readonly command: 'backup'; readonly options: BackupOptions};

export type MembersReport =
	| AddNodeReport
	| DelNodeReport
	| FixReport
	| CallReport
	| SetTimeoutReport
	| ImportReport
	| BackupReport;
