/** Begins the page. */

import { render } from 'preact';
import { Page } from './page.tsx';
import { startCompare } from './state/compare.ts';
import { startDetails } from './state/details.ts';
import { startLogs } from './state/logs.ts';
import { startStore } from './state/store.ts';
import { startSubjectStates } from './state/subject-states.ts';
import { followTheme } from './state/theme.ts';
import { startTravel } from './state/travel.ts';

followTheme();
startStore();
startTravel();
startDetails();
startCompare();
startLogs();
startSubjectStates();
render(<Page />, document.body);
