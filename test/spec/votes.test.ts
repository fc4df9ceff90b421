/** Cluster Specification, "Masters reply to replica vote request"; S66. Seen by n2, of three primaries; n4 replicates n1. */

import test, {type ExecutionContext} from 'ava';
import type {Effects} from '../../src/cluster/effects.ts';
import type {Header} from '../../src/cluster/messages.ts';
import {hasFlag, NodeFlags} from '../../src/cluster/state.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';
import type {Simulation} from '../../src/sim/simulation.ts';
import {headerOf} from '../helpers/sim-header.ts';
import {idOf, replicated, sees, TIMEOUT_MS} from '../helpers/sim-replicas.ts';

/** n1 is failing for everybody, and nobody has asked for a vote yet. */
function failed(t: ExecutionContext): Simulation {
	const {sim} = replicated(3, [1, 1]);
	for (const number of [4, 5]) sim.node(number).reconfigure({replicaNoFailover: true});
	sim.node(1).kill();
	const tookMs = sim.runUntil(
		() => [2, 3].every((number) => hasFlag(sees(sim.node(number), sim.node(1)), NodeFlags.FAIL)),
		10_000,
	);
	t.not(tookMs, null);
	sim.run(10);
	return sim;
}

/** What n2 does about a request of `candidate` in the next epoch, or with another header. */
function ask(sim: Simulation, candidate: SimNode, changes: Partial<Header> = {}, isForced = false): Effects {
	const voter = sim.node(2);
	const header = headerOf(candidate, {currentEpoch: voter.core.view.currentEpoch + 1, ...changes});
	const link = sees(voter, candidate).inbound!.id;
	return voter.core.receive(link, {type: 'auth-req', header, isForced}, sim.now);
}

const acksIn = ({sends}: Effects): Header[] =>
	sends.flatMap(({message}) => (message.type === 'auth-ack' ? [message.header] : []));

const denied = (t: ExecutionContext, effects: Effects, candidate: SimNode, reason: string): void => {
	t.deepEqual(acksIn(effects), []);
	t.deepEqual(
		effects.logs.map(({text}) => text),
		[`Failover auth denied to ${idOf(candidate)}: ${reason}`],
	);
	t.deepEqual(
		effects.events.filter(({kind}) => kind === 'voted'),
		[],
	);
};

test('a primary votes for a replica whose primary is failing, and the vote is durable before it leaves', (t) => {
	const sim = failed(t);
	const [voter, four] = [sim.node(2), sim.node(4)];
	const effects = ask(sim, four);
	t.is(effects.config, 'durable');
	t.is(voter.core.view.lastVoteEpoch, voter.core.view.currentEpoch);
	t.deepEqual(
		acksIn(effects).map(({currentEpoch, sender}) => [currentEpoch, sender as string]),
		[[voter.core.view.currentEpoch, idOf(voter)]],
	);
	t.deepEqual(
		effects.logs.map(({text}) => text),
		[`Failover auth granted to ${idOf(four)} for epoch ${voter.core.view.currentEpoch}`],
	);
	t.regex(voter.core.nodesConf(), new RegExp(`lastVoteEpoch ${voter.core.view.currentEpoch}\n$`));
});

test('a primary votes once in an epoch', (t) => {
	const sim = failed(t);
	const [four, five] = [sim.node(4), sim.node(5)];
	ask(sim, four);
	const {currentEpoch} = sim.node(2).core.view;
	denied(t, ask(sim, five, {currentEpoch}), five, `already voted for epoch ${currentEpoch}`);
	denied(t, ask(sim, four, {currentEpoch}), four, `already voted for epoch ${currentEpoch}`);
});

test('a voter that restarts does not vote again in the epoch it voted in', (t) => {
	const sim = failed(t);
	const [voter, four, five] = [sim.node(2), sim.node(4), sim.node(5)];
	const header = headerOf(four, {currentEpoch: voter.core.view.currentEpoch + 1});
	voter.received(sees(voter, four).inbound!.id, {type: 'auth-req', header, isForced: false});
	voter.kill();
	voter.restart();
	t.not(
		sim.runUntil(() => sees(voter, five).inbound !== null, 1000),
		null,
	);
	const {currentEpoch} = voter.core.view;
	t.is(currentEpoch, header.currentEpoch);
	denied(t, ask(sim, five, {currentEpoch}), five, `already voted for epoch ${currentEpoch}`);
});

test('a request of an older epoch is refused', (t) => {
	const sim = failed(t);
	const {currentEpoch} = sim.node(2).core.view;
	const reason = `reqEpoch (${currentEpoch - 1}) < curEpoch(${currentEpoch})`;
	denied(t, ask(sim, sim.node(4), {currentEpoch: currentEpoch - 1}), sim.node(4), reason);
});

test('a replica whose primary is up gets no vote, unless an operator asked for the failover', (t) => {
	const {sim} = replicated(3, [1]);
	denied(t, ask(sim, sim.node(4)), sim.node(4), 'its master is up');
	t.is(acksIn(ask(sim, sim.node(4), {}, true)).length, 1);
});

test('a primary gets no vote', (t) => {
	const sim = failed(t);
	denied(t, ask(sim, sim.node(3)), sim.node(3), 'it is a master node');
});

test('a replica of a primary that is not known gets no vote', (t) => {
	const sim = failed(t);
	const [voter, four] = [sim.node(2), sim.node(4)];
	t.true(voter.submit({kind: 'forget', node: idOf(sim.node(1))}).ok);
	denied(t, ask(sim, four), four, "I don't know its master");
});

test('after a vote for a replica its siblings get none for two node timeouts', (t) => {
	const sim = failed(t);
	const [four, five] = [sim.node(4), sim.node(5)];
	ask(sim, four);
	sim.run(300);
	const leftMs = 2 * TIMEOUT_MS - 300;
	denied(t, ask(sim, five), five, `can't vote about this master before ${leftMs} milliseconds`);
	sim.run(leftMs);
	t.is(acksIn(ask(sim, five)).length, 1);
});

test('a replica that does not know of a newer owner of its primary’s slots gets no vote', (t) => {
	const sim = failed(t);
	const [voter, four] = [sim.node(2), sim.node(4)];
	const stale = headerOf(four);
	voter.submit({kind: 'set-slot-node', slot: 7, owner: idOf(voter)});
	voter.submit({kind: 'bump-epoch'});
	const {configEpoch} = voter.core.view.myself;
	const reason = `slot 7 epoch (${configEpoch}) > reqEpoch (${stale.configEpoch})`;
	denied(t, ask(sim, four, {slots: stale.slots}), four, reason);
});

test('only primaries with slots vote; others, and strangers, are not answered', (t) => {
	const sim = failed(t);
	const [four, five] = [sim.node(4), sim.node(5)];
	const header = headerOf(four, {currentEpoch: five.core.view.currentEpoch + 1});
	const link = sees(five, four).inbound!.id;
	const byReplica = five.core.receive(link, {type: 'auth-req', header, isForced: false}, sim.now);
	t.deepEqual([byReplica.sends, byReplica.logs], [[], []]);
	const stranger = ask(sim, four, {sender: 'f'.repeat(40) as Header['sender']});
	t.deepEqual([stranger.sends, stranger.logs], [[], []]);
});
