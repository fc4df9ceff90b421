/** `npm run build`: the bundles of dist/, when a source changed. */
import {ensureBundled, ensureInstalled, requireNode} from './setup.mjs';

requireNode();
ensureInstalled();
await ensureBundled();
