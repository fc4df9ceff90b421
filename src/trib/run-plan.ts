/** Carries a plan out: the last of the manager's four stages. */

import {RespError, type Reply} from '../resp/reply-parser.ts';
import {ConnectionError, connectionComplaint} from './client.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {
	formatStep,
	olderWordsOf,
	stepCount,
	wordsOf,
	type AddSlotsStep,
	type CallStep,
	type Plan,
	type Step,
} from './plan.ts';
import type {Printer} from './printer.ts';
import {waitForAgreement} from './wait-for-agreement.ts';

/** A step that went wrong. */
export class StepError extends Error {
	override readonly name = 'StepError';
	/** Whether a node had been changed before: the work is partly done. */
	readonly isPartlyDone: boolean;

	constructor(message: string, isPartlyDone: boolean) {
		super(message);
		this.isPartlyDone = isPartlyDone;
	}
}

/**
 * Runs stage after stage, the steps of a stage at once. @throws {StepError} with the line to print, after the steps of the
 * same stage have ended; later stages are not begun.
 */
export async function runPlan(plan: Plan, connections: Connections, printer: Printer): Promise<void> {
	const total = stepCount(plan);
	let done = 0;
	const run = async (step: Step): Promise<string | null> => {
		const problem = await runStep(step, connections, printer);
		if (problem === null) printer.progress(++done, total, formatStep(step));
		return problem;
	};
	for (const {announce = [], steps, conclude = []} of plan) {
		for (const line of announce) printer.info(line);
		const problems = await Promise.all(steps.map(run));
		const problem = problems.find((text) => text !== null);
		if (problem !== undefined) throw new StepError(problem, done > 0);
		for (const line of conclude) printer.info(line);
	}
}

/** null, or what went wrong. */
async function runStep(step: Step, connections: Connections, printer: Printer): Promise<string | null> {
	try {
		return step.kind === 'wait-for-agreement'
			? await waitForAgreement(step, connections, printer, (late) => call(late, connections))
			: await call(step, connections);
	} catch (error) {
		if (step.kind === 'call' && step.endsNode === true && error instanceof ConnectionError) return null;
		if (error instanceof ConnectionError) return connectionComplaint(error);
		throw error;
	}
}

async function call(step: CallStep | AddSlotsStep, connections: Connections): Promise<string | null> {
	const connection = await connections.to(step.node);
	const olderWords = olderWordsOf(step);
	let reply = await connection.call(...wordsOf(step));
	if (olderWords !== null && isUnknownForm(reply)) reply = await connection.call(...olderWords);
	if (!(reply instanceof RespError) || (step.kind === 'call' && step.mayFail !== undefined)) return null;
	return `Node ${formatEndpoint(step.node)} replied with error:\n${reply.message}`;
}

/** `ERR Unknown subcommand or wrong number of arguments for ...` (5 to 6.2), `ERR Wrong CLUSTER subcommand ...` (3, 4). */
function isUnknownForm(reply: Reply): boolean {
	return (
		reply instanceof RespError &&
		/unknown subcommand|wrong cluster subcommand|unknown command/i.test(reply.message)
	);
}
