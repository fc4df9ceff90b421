/**
 * A replica takes the place of its primary. Chapter: Cluster Specification, "Replica election and promotion".
 */

import {becomePrimary} from './roles.ts';
import type {ClusterNode} from './state.ts';
import type {Step} from './step.ts';

/** This replica serves the slots of `primary` from now on, under a configEpoch that it has already, and tells everybody. */
export function takePlaceOf(step: Step, primary: ClusterNode, elected: boolean): void {
	const {state} = step;
	const {myself} = state;
	becomePrimary(step, myself);
	state.assignAllOf(primary, myself);
	step.effects.events.push({kind: 'promoted', epoch: myself.configEpoch, elected});
	step.saveDurably();
	step.isAnnouncementDue = true;
}
