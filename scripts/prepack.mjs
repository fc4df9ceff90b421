/** Before `npm pack` and `npm publish`: dist/ afresh, with declarations. */
import {ensureBundled, ensureInstalled, requireNode} from './setup.mjs';

requireNode();
ensureInstalled();
await ensureBundled({force: true});
const {declarations} = await import('./declarations.mjs');
declarations();
