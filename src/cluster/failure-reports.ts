/**
 * What other primaries say about the reachability of a node, and for how long it counts.
 * Chapter: Cluster Specification, "Failure detection".
 */

import type {NodeId} from './node-id.ts';
import type {ClusterNode, NodeView} from './state.ts';

/** Reports are valid for this many node timeouts (FAIL_REPORT_VALIDITY_MULT of redis-server). */
const VALIDITY_TIMEOUTS = 2;

/** True when the reporter had no report on file. */
export function addFailureReport(about: ClusterNode, reporter: NodeId, now: number): boolean {
	const isNew = !about.failureReports.has(reporter);
	about.failureReports.set(reporter, now);
	return isNew;
}

/** True when there was a report to take back. */
export function withdrawFailureReport(about: ClusterNode, reporter: NodeId): boolean {
	return about.failureReports.delete(reporter);
}

/** Number of reports that are still valid. */
export function countFailureReports(about: NodeView, nodeTimeoutMs: number, now: number): number {
	let count = 0;
	for (const reportedAt of about.failureReports.values()) {
		if (now - reportedAt <= nodeTimeoutMs * VALIDITY_TIMEOUTS) count++;
	}
	return count;
}

/** Drops what is valid no more, so that a report that comes again counts as new. */
export function expireFailureReports(about: ClusterNode, nodeTimeoutMs: number, now: number): void {
	for (const [reporter, reportedAt] of about.failureReports) {
		if (now - reportedAt > nodeTimeoutMs * VALIDITY_TIMEOUTS) about.failureReports.delete(reporter);
	}
}
