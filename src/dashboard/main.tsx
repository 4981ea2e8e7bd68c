/** Begins the page. */

import { render } from 'preact';
import { Page } from './page.tsx';
import { startDetails } from './state/details.ts';
import { startStore } from './state/store.ts';
import { followTheme } from './state/theme.ts';
import { startTravel } from './state/travel.ts';

followTheme();
startStore();
startTravel();
startDetails();
render(<Page />, document.body);
