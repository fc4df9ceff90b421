/** Runs one job of the manager, from its options to its exit code: what the command line, the worker and tests call. */

import {unreachable} from '../lib/assert.ts';
import {runCheck} from './check.ts';
import {ConnectionError, connectionComplaint} from './client.ts';
import {runCreate} from './create.ts';
import {runAddNode} from './add-node.ts';
import {runBackup} from './backup.ts';
import {runCall} from './call.ts';
import {runDelNode} from './del-node.ts';
import {runFix} from './fix.ts';
import {runImport} from './import.ts';
import {runInfo} from './info.ts';
import {runSetTimeout} from './set-timeout.ts';
import {NodeError} from './load-view.ts';
import type {TribExitCode, TribJob, TribReport} from './messages.ts';
import {Printer, type Sink} from './printer.ts';
import {runRebalance} from './rebalance.ts';
import {runMoveSlot, runReshard} from './reshard.ts';
import {StepError} from './run-plan.ts';

export interface TribResult {
	readonly exitCode: TribExitCode;
	/** null when it came to nothing; the lines say why. */
	readonly report: TribReport | null;
}

/** Never rejects for what nodes do or say: that is printed, and shows in the exit code. */
export async function runJob(job: TribJob, sink: Sink): Promise<TribResult> {
	const printer = new Printer(sink, job.options);
	const result = await runPrinting(job, printer);
	printer.json({
		...(result.report ?? {command: job.command, ok: false}),
		exitCode: result.exitCode,
		...(printer.errors.length > 0 ? {errors: printer.errors} : {}),
	});
	return result;
}

async function runPrinting(job: TribJob, printer: Printer): Promise<TribResult> {
	try {
		return await dispatch(job, printer);
	} catch (error) {
		if (error instanceof NodeError) {
			if (error.isComplaint) printer.complaint(error.message);
			else printer.error(error.message);
			return {exitCode: 1, report: null};
		}
		if (error instanceof StepError) {
			printer.error(error.message);
			return {exitCode: error.isPartlyDone ? 3 : 1, report: null};
		}
		if (error instanceof ConnectionError) {
			printer.complaint(connectionComplaint(error));
			return {exitCode: 1, report: null};
		}
		throw error;
	}
}

function dispatch(job: TribJob, printer: Printer): Promise<TribResult> {
	switch (job.command) {
		case 'create':
			return runCreate(job.options, printer);
		case 'check':
			return runCheck(job.options, printer);
		case 'info':
			return runInfo(job.options, printer);
<<<<<<< HEAD
		case 'add-node':
			return runAddNode(job.options, printer);
		case 'del-node':
			return runDelNode(job.options, printer);
		case 'fix':
			return runFix(job.options, printer);
		case 'call':
			return runCall(job.options, printer);
		case 'set-timeout':
			return runSetTimeout(job.options, printer);
		case 'import':
			return runImport(job.options, printer);
		case 'backup':
			return runBackup(job.options, printer);
=======
		case 'reshard':
			return runReshard(job.options, printer);
		case 'rebalance':
			return runRebalance(job.options, printer);
		case 'move-slot':
			return runMoveSlot(job.options, printer);
>>>>>>> tribmove
		default:
			return unreachable(job);
	}
}
